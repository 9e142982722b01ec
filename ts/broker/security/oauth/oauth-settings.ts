/**
 * What the settings say of logins by tokens.
 *
 * To remember: without an address of keys there is no OAUTHBEARER, because Kafka's other way, tokens without a signature
 * (KIP-255), lets everybody be anybody.
 */

import { MillraceError } from '../../../errors.ts';
import { splitList } from '../../config-table.ts';
import type { BrokerSettings } from '../../settings.ts';
import type { TokenRules } from './json-web-token.ts';

export interface OauthSettings {
  readonly url: URL;
  readonly refreshMs: number;
  readonly rules: TokenRules;
}

const PROTOCOLS: readonly string[] = ['file:', 'https:', 'http:'];

/** What tokens are judged by; undefined when nobody logs in by them. Throws MILLRACE_OPTION when that cannot work. */
export function oauthSettings(settings: BrokerSettings): OauthSettings | undefined {
  if (!splitList(settings.text('sasl.enabled.mechanisms')).includes('OAUTHBEARER')) return undefined;
  const text = settings.text('sasl.oauthbearer.jwks.endpoint.url');
  const name = 'sasl.oauthbearer.jwks.endpoint.url';
  if (text === '') {
    throw new MillraceError('MILLRACE_OPTION', `OAUTHBEARER needs ${name}: tokens without a signature are not taken`);
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !PROTOCOLS.includes(url.protocol)) {
    throw new MillraceError('MILLRACE_OPTION', `${name} must be an address that begins with https:, http: or file:`);
  }
  const issuer = settings.text('sasl.oauthbearer.expected.issuer');
  return {
    url,
    refreshMs: settings.number('sasl.oauthbearer.jwks.endpoint.refresh.ms'),
    rules: {
      issuer: issuer === '' ? undefined : issuer,
      audiences: splitList(settings.text('sasl.oauthbearer.expected.audience')),
      subjectClaim: settings.text('sasl.oauthbearer.sub.claim.name'),
      skewSeconds: settings.number('sasl.oauthbearer.clock.skew.seconds'),
    },
  };
}
