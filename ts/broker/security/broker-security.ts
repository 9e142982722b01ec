/**
 * Users, rules and quotas of one broker, and what its settings make of them.
 *
 * Composition only. To remember: everything here is read from the engine when it is opened, and changed by frames.
 */

import type { Engine } from '../../log/types.ts';
import { splitList } from '../config-table.ts';
import { ConnectionLog, type PrintLine } from '../connection-log.ts';
import type { BrokerSettings } from '../settings.ts';
import { Access } from './access.ts';
import { AclStore } from './acl-store.ts';
import { Authenticator, MECHANISMS, type Mechanism } from './authenticator.ts';
import { MutationQuotas } from './mutation-quotas.ts';
import { KeySource } from './oauth/key-source.ts';
import type { OauthBearer } from './oauth/oauth-bearer.ts';
import { oauthSettings } from './oauth/oauth-settings.ts';
import type { ListenerSecurity } from './peer-security.ts';
import { QuotaStore } from './quota-store.ts';
import { UserStore } from './user-store.ts';

/** What a listener is to demand. */
export interface ListenerDemand {
  /** Clients have to log in. */
  readonly login: boolean;
  readonly isTls: boolean;
  /** Passwords and tokens may go over it in clear: it is on the loopback address, or its owner has said so. */
  readonly isTrusted: boolean;
}

/** Whoever reads what these send can log in. */
const IN_CLEAR: readonly Mechanism[] = ['PLAIN', 'OAUTHBEARER'];

export class BrokerSecurity {
  readonly users: UserStore;
  readonly authenticator: Authenticator;
  readonly acls: AclStore;
  readonly access: Access;
  readonly quotas: QuotaStore;
  /** How many partitions clients may make and delete. */
  readonly mutations: MutationQuotas;
  readonly #settings: BrokerSettings;

  /** `print` hears of keys that cannot be loaded. Throws on an entry of the state map that it cannot read. */
  constructor(engine: Engine, settings: BrokerSettings, print: PrintLine = () => {}) {
    this.#settings = settings;
    this.users = new UserStore(engine);
    this.authenticator = new Authenticator(this.users, oauthBearer(settings, print));
    this.acls = new AclStore(engine);
    this.quotas = new QuotaStore(engine);
    this.mutations = new MutationQuotas(this.quotas, () => performance.now());
    this.access = new Access(this.acls, {
      isEnabled: settings.text('authorizer.class.name') !== '',
      superUsers: new Set(superUsers(settings)),
      allowWithoutRule: settings.boolean('allow.everyone.if.no.acl.found'),
    });
  }

  /** The rules for peers of a listener. */
  listener({ login, isTls, isTrusted }: ListenerDemand): ListenerSecurity {
    const enabled = new Set(splitList(this.#settings.text('sasl.enabled.mechanisms')));
    const offered = MECHANISMS.filter((one) => enabled.has(one) && (!IN_CLEAR.includes(one) || isTls || isTrusted));
    return {
      isTls,
      mechanisms: login ? offered : [],
      authenticator: login ? this.authenticator : undefined,
      reauthMs: this.#settings.number('connections.max.reauth.ms'),
      failureDelayMs: this.#settings.number('connection.failed.authentication.delay.ms'),
    };
  }
}

function oauthBearer(settings: BrokerSettings, print: PrintLine): OauthBearer | undefined {
  const found = oauthSettings(settings);
  if (found === undefined) return undefined;
  const { url, refreshMs, rules } = found;
  const log = new ConnectionLog(print);
  const failed = (reason: string): void => log.say('keys', reason);
  return { keys: new KeySource({ url, refreshMs, nowMs: () => performance.now(), failed }), rules, wallMs: Date.now };
}

/** Principals, separated by semicolons because names of certificates hold commas. */
function superUsers(settings: BrokerSettings): string[] {
  return settings
    .text('super.users')
    .split(';')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}
