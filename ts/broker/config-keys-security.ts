/**
 * Settings of the broker that say who may do what: Kafka's names.
 *
 * Data only. To remember: as in config-keys-broker.ts, a default is what is in force.
 */

import type { ConfigKey } from './config-key.ts';

/** Both of Kafka's classes mean the one authorizer there is. */
export const AUTHORIZERS: readonly string[] = [
  'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'kafka.security.authorizer.AclAuthorizer',
];

export const SECURITY_KEYS: readonly ConfigKey[] = [
  {
    name: 'allow.everyone.if.no.acl.found',
    type: 'boolean',
    default: 'false',
    effect: 'enforced',
    doc: 'With an authorizer: whether a resource that no access rule names may be used by everybody.',
  },
  {
    name: 'authorizer.class.name',
    type: 'string',
    default: '',
    effect: 'enforced',
    oneOf: ['', ...AUTHORIZERS],
    doc: 'Empty: everybody may do everything. Otherwise nothing may be done that no access rule allows; both class names of Kafka mean the same.',
  },
  {
    name: 'connection.failed.authentication.delay.ms',
    type: 'int',
    default: '100',
    effect: 'enforced',
    unit: 'ms',
    min: 0,
    max: 10_000,
    doc: 'How long the answer to a login that failed is held back before the connection is closed.',
  },
  {
    name: 'connections.max.reauth.ms',
    type: 'long',
    default: '0',
    effect: 'enforced',
    unit: 'ms',
    min: 0,
    doc: 'How long a login is good; who has not logged in again by then is cut with its next request. 0: for ever.',
  },
  {
    name: 'sasl.enabled.mechanisms',
    type: 'list',
    default: 'SCRAM-SHA-256,SCRAM-SHA-512,PLAIN',
    effect: 'enforced',
    oneOf: ['SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN', 'OAUTHBEARER'],
    doc: 'Mechanisms offered where clients have to log in. PLAIN and OAUTHBEARER, which send the password or the token, only over TLS, on the loopback address, or where --insecure allows it.',
  },
  {
    name: 'sasl.oauthbearer.clock.skew.seconds',
    type: 'int',
    default: '30',
    effect: 'enforced',
    unit: 'seconds',
    min: 0,
    doc: 'How far the clock of whoever issues tokens may be from ours.',
  },
  {
    name: 'sasl.oauthbearer.expected.audience',
    type: 'list',
    default: '',
    effect: 'enforced',
    doc: 'A token has to be for one of these (its claim aud). Empty: for anybody.',
  },
  {
    name: 'sasl.oauthbearer.expected.issuer',
    type: 'string',
    default: '',
    effect: 'enforced',
    doc: 'A token has to be of this issuer (its claim iss). Empty: of anybody whose key is in the set.',
  },
  {
    name: 'sasl.oauthbearer.jwks.endpoint.refresh.ms',
    type: 'long',
    default: '3600000',
    effect: 'enforced',
    unit: 'ms',
    min: 1,
    doc: 'Keys older than this are loaded again before they are used; a token with an unknown key does so at once.',
  },
  {
    name: 'sasl.oauthbearer.jwks.endpoint.url',
    type: 'string',
    default: '',
    effect: 'enforced',
    doc: 'Where the public keys are that sign tokens, as a JSON Web Key Set: https:, http: or file:. OAUTHBEARER is refused without it.',
  },
  {
    name: 'sasl.oauthbearer.sub.claim.name',
    type: 'string',
    default: 'sub',
    effect: 'enforced',
    doc: 'The claim of a token that names the user.',
  },
  {
    name: 'super.users',
    type: 'string',
    default: '',
    effect: 'enforced',
    doc: 'Who may do everything, whatever the access rules say: principals such as User:admin, separated by semicolons.',
  },
];
