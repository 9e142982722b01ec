/**
 * The access rules of one engine: `acl/...` entries of the state map, and the index by which they are found.
 *
 * Not a decision: that is access.ts. To remember: a rule holds from the moment its frame is durable, and no longer than
 * until the frame that removes it is; rules of a name are found without looking at those of others.
 */

import { Code, type CodeNumber, Level } from '../../io/native-types.ts';
import { aclKey, aclPrefix } from '../../log/state-keys.ts';
import type { Effect, Engine } from '../../log/types.ts';
import { type Acl, type AclFilter, aclDigest, fieldsOf, isMeant, Pattern, WILDCARD } from './acl.ts';

/** Rules of one type of resource. */
interface Rules {
  readonly literal: Map<string, Set<Acl>>;
  readonly prefixed: Map<string, Set<Acl>>;
}

const decoder = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

/** The rules of one engine. */
export class AclStore {
  readonly #engine: Engine;
  readonly #byDigest = new Map<string, Acl>();
  readonly #byType = new Map<number, Rules>();

  /** Reads all rules from the state map. Throws on an entry it cannot read. */
  constructor(engine: Engine) {
    this.#engine = engine;
    for (const [, value] of engine.scanState(aclPrefix())) this.#insert(decode(value));
  }

  get size(): number {
    return this.#byDigest.size;
  }

  /** The rules that a filter means, in no order that means anything. */
  find(filter: AclFilter): Acl[] {
    return [...this.#byDigest.values()].filter((acl) => isMeant(filter, acl));
  }

  /** The rules that hold for a resource. */
  *holding(resourceType: number, name: string): Iterable<Acl> {
    const rules = this.#byType.get(resourceType);
    if (rules === undefined) return;
    yield* rules.literal.get(name) ?? [];
    if (name !== WILDCARD) yield* rules.literal.get(WILDCARD) ?? [];
    if (rules.prefixed.size === 0) return;
    for (let length = 1; length <= name.length; length++) yield* rules.prefixed.get(name.slice(0, length)) ?? [];
  }

  /** All rules of a type of resource. */
  *ofType(resourceType: number): Iterable<Acl> {
    const rules = this.#byType.get(resourceType);
    if (rules === undefined) return;
    for (const acls of rules.literal.values()) yield* acls;
    for (const acls of rules.prefixed.values()) yield* acls;
  }

  /** Adds rules in one frame, those that are there already included; `done` runs when it is durable, or with why not. */
  add(acls: readonly Acl[], done: (code: CodeNumber) => void): void {
    const effects = acls.map((acl): Effect => ({ kind: 'put', key: aclKey(aclDigest(acl)), value: encode(acl) }));
    this.#submit(effects, done, () => {
      for (const acl of acls) this.#insert(acl);
    });
  }

  /** Removes rules in one frame; as `add`. */
  remove(acls: readonly Acl[], done: (code: CodeNumber) => void): void {
    const effects = acls.map((acl): Effect => ({ kind: 'delete', key: aclKey(aclDigest(acl)) }));
    this.#submit(effects, done, () => {
      for (const acl of acls) this.#drop(acl);
    });
  }

  #submit(effects: readonly Effect[], done: (code: CodeNumber) => void, apply: () => void): void {
    if (effects.length === 0) {
      done(Code.ok);
      return;
    }
    this.#engine.submit(effects, Level.durable, (results, failure) => {
      const code = failure !== Code.ok ? failure : (results.find((one) => one.code !== Code.ok)?.code ?? Code.ok);
      if (code === Code.ok) apply();
      done(code);
    });
  }

  #insert(acl: Acl): void {
    const digest = aclDigest(acl);
    if (this.#byDigest.has(digest)) return;
    this.#byDigest.set(digest, acl);
    const rules = this.#byType.get(acl.resourceType) ?? { literal: new Map(), prefixed: new Map() };
    this.#byType.set(acl.resourceType, rules);
    const names = namesOf(rules, acl);
    names.set(acl.resourceName, (names.get(acl.resourceName) ?? new Set()).add(acl));
  }

  #drop(acl: Acl): void {
    const digest = aclDigest(acl);
    const known = this.#byDigest.get(digest);
    const rules = this.#byType.get(acl.resourceType);
    if (known === undefined || rules === undefined) return;
    this.#byDigest.delete(digest);
    const names = namesOf(rules, acl);
    const acls = names.get(acl.resourceName);
    acls?.delete(known);
    if (acls?.size === 0) names.delete(acl.resourceName);
  }
}

function namesOf(rules: Rules, { patternType }: Acl): Map<string, Set<Acl>> {
  return patternType === Pattern.prefixed ? rules.prefixed : rules.literal;
}

function encode(acl: Acl): Uint8Array {
  return encoder.encode(JSON.stringify({ v: 1, acl: fieldsOf(acl) }));
}

function decode(value: Uint8Array): Acl {
  const stored = JSON.parse(decoder.decode(value)) as {
    v: number;
    acl: [number, string, number, string, string, number, number];
  };
  if (stored.v !== 1) throw new Error(`access rule has format version ${stored.v}, this program reads 1`);
  const [resourceType, resourceName, patternType, principal, host, operation, permission] = stored.acl;
  return { resourceType, resourceName, patternType, principal, host, operation, permission };
}
