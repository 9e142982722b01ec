/** The policies of `maxmemory-policy`: which keys may go, and which of them goes first. */

/** What is kept of accesses. */
export type Tracked = 'lru' | 'lfu';

export interface Policy {
  /** Only keys that expire may go. */
  readonly isVolatile: boolean;
  /** Least recently used, least frequently used, any, or whatever expires next. */
  readonly order: Tracked | 'random' | 'ttl';
}

const policies: Readonly<Record<string, Policy | null>> = {
  noeviction: null,
  'allkeys-lru': { isVolatile: false, order: 'lru' },
  'allkeys-lfu': { isVolatile: false, order: 'lfu' },
  'allkeys-random': { isVolatile: false, order: 'random' },
  'volatile-lru': { isVolatile: true, order: 'lru' },
  'volatile-lfu': { isVolatile: true, order: 'lfu' },
  'volatile-random': { isVolatile: true, order: 'random' },
  'volatile-ttl': { isVolatile: true, order: 'ttl' },
};

/** Names of all policies. */
export const policyNames: readonly string[] = Object.keys(policies);

/** The policy of a name; null: nothing goes. */
export function policyOf(name: string): Policy | null {
  return policies[name] ?? null;
}
