/**
 * The quotas of one engine: `quota/...` entries of the state map.
 *
 * To remember: a change shows when its frame is durable; an entity without any quota has no entry.
 */

import { createHash } from 'node:crypto';
import { Code, type CodeNumber, Level } from '../../io/native-types.ts';
import { quotaKey, quotaPrefix } from '../../log/state-keys.ts';
import type { Effect, Engine } from '../../log/types.ts';
import { entityId, QUOTA_KEYS, type QuotaEntity, type QuotaKey, type Quotas } from './quota.ts';

/** One change of one entity; undefined removes a quota. */
export interface QuotaChange {
  readonly entity: QuotaEntity;
  readonly values: ReadonlyMap<QuotaKey, number | undefined>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The quotas of one engine. */
export class QuotaStore {
  readonly #engine: Engine;
  readonly #byEntity = new Map<string, { readonly entity: QuotaEntity; readonly quotas: Quotas }>();
  #version = 0;

  /** Reads all quotas from the state map. Throws on an entry it cannot read. */
  constructor(engine: Engine) {
    this.#engine = engine;
    for (const [, value] of engine.scanState(quotaPrefix())) {
      const entry = decode(value);
      this.#byEntity.set(entityId(entry.entity), entry);
    }
  }

  /** Entities with quotas. */
  get size(): number {
    return this.#byEntity.size;
  }

  /** Another number after every change. */
  get version(): number {
    return this.#version;
  }

  get(entity: QuotaEntity): Quotas | undefined {
    return this.#byEntity.get(entityId(entity))?.quotas;
  }

  all(): Iterable<{ readonly entity: QuotaEntity; readonly quotas: Quotas }> {
    return this.#byEntity.values();
  }

  /** Makes all changes in one frame; `done` runs when it is durable, or with the reason why not. */
  alter(changes: readonly QuotaChange[], done: (code: CodeNumber) => void): void {
    const altered = new Map<string, { entity: QuotaEntity; quotas: Map<QuotaKey, number> }>();
    for (const { entity, values } of changes) {
      const id = entityId(entity);
      const entry = altered.get(id) ?? { entity, quotas: new Map(this.get(entity)) };
      altered.set(id, entry);
      for (const [key, value] of values) {
        if (value === undefined) entry.quotas.delete(key);
        else entry.quotas.set(key, value);
      }
    }
    const effects = Array.from(altered, ([id, { entity, quotas }]): Effect => {
      const key = quotaKey(createHash('sha256').update(id).digest('hex'));
      return quotas.size === 0 ? { kind: 'delete', key } : { kind: 'put', key, value: encode(entity, quotas) };
    });
    if (effects.length === 0) {
      done(Code.ok);
      return;
    }
    this.#engine.submit(effects, Level.durable, (results, failure) => {
      const code = failure !== Code.ok ? failure : (results.find((one) => one.code !== Code.ok)?.code ?? Code.ok);
      if (code === Code.ok) {
        for (const [id, entry] of altered) {
          if (entry.quotas.size === 0) this.#byEntity.delete(id);
          else this.#byEntity.set(id, entry);
        }
        this.#version += 1;
      }
      done(code);
    });
  }
}

function encode(entity: QuotaEntity, quotas: Quotas): Uint8Array {
  return encoder.encode(JSON.stringify({ v: 1, entity, quotas: [...quotas] }));
}

function decode(value: Uint8Array): { entity: QuotaEntity; quotas: Quotas } {
  const stored = JSON.parse(decoder.decode(value)) as { v: number; entity: QuotaEntity; quotas: [QuotaKey, number][] };
  if (stored.v !== 1) throw new Error(`quota entry has format version ${stored.v}, this program reads 1`);
  for (const [key] of stored.quotas)
    if (!QUOTA_KEYS.includes(key)) throw new Error(`quota entry has the unknown quota ${key}`);
  return { entity: stored.entity, quotas: new Map(stored.quotas) };
}
