/**
 * Settings of the broker that were altered while it ran: of this broker, and of all brokers (rule 50): `setting/...`
 * entries of the state map.
 *
 * Not what they mean (settings.ts). To remember: a change shows when its frame is durable; changes are made one after
 * another, so each is decided on what the one before left.
 */

import { Code, type CodeNumber, Level } from '../../io/native-types.ts';
import { settingKey } from '../../log/state-keys.ts';
import type { Effect, Engine } from '../../log/types.ts';

/** Whose settings: those of the broker itself, or the defaults of all brokers. */
export type SettingEntity = 'broker' | 'default';

/** What the store needs of an engine. */
type StoreEngine = Pick<Engine, 'submit' | 'scanState'>;

type Config = ReadonlyMap<string, string>;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export class BrokerConfigStore {
  readonly #engine: StoreEngine;
  readonly #nodeId: number;
  readonly #changed: (broker: Config, defaults: Config) => void;
  readonly #config: Record<SettingEntity, Config>;
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;

  /** Reads what is stored and tells `changed` of it, then of every change. Throws on an entry it cannot read. */
  constructor(engine: StoreEngine, nodeId: number, changed: (broker: Config, defaults: Config) => void) {
    this.#engine = engine;
    this.#nodeId = nodeId;
    this.#changed = changed;
    this.#config = { broker: this.#read('broker'), default: this.#read('default') };
    changed(this.#config.broker, this.#config.default);
  }

  /** What an entity was given. */
  get(entity: SettingEntity): Config {
    return this.#config[entity];
  }

  /**
   * Alters one entity: `decide` says what it has then, or undefined when nothing is to be done. `done` runs when that is
   * durable and in force, or with the reason why not.
   */
  alter(entity: SettingEntity, decide: (before: Config) => Config | undefined, done: (code: CodeNumber) => void): void {
    if (this.#isBusy) {
      this.#waiting.push(() => this.alter(entity, decide, done));
      return;
    }
    const config = decide(this.#config[entity]);
    if (config === undefined) {
      done(Code.ok);
      this.#next();
      return;
    }
    this.#isBusy = true;
    this.#engine.submit([this.#effect(entity, config)], Level.durable, (results, failure) => {
      this.#isBusy = false;
      const code = failure !== Code.ok ? failure : (results.find((one) => one.code !== Code.ok)?.code ?? Code.ok);
      if (code === Code.ok) {
        this.#config[entity] = config;
        this.#changed(this.#config.broker, this.#config.default);
      }
      done(code);
      this.#next();
    });
  }

  #next(): void {
    if (!this.#isBusy) this.#waiting.shift()?.();
  }

  #key(entity: SettingEntity): Uint8Array {
    return settingKey(entity === 'broker' ? String(this.#nodeId) : entity);
  }

  #effect(entity: SettingEntity, config: Config): Effect {
    const key = this.#key(entity);
    if (config.size === 0) return { kind: 'delete', key };
    return { kind: 'put', key, value: encoder.encode(JSON.stringify({ v: 1, config: [...config] })) };
  }

  #read(entity: SettingEntity): Config {
    const key = this.#key(entity);
    // A scan finds what begins so: broker 12 is not broker 1.
    const found = this.#engine.scanState(key).find(([name]) => name.length === key.length);
    if (!found) return new Map();
    const stored = JSON.parse(decoder.decode(found[1])) as { v: number; config: [string, string][] };
    if (stored.v !== 1) throw new Error(`a settings entry has format version ${stored.v}, this program reads 1`);
    return new Map(stored.config);
  }
}
