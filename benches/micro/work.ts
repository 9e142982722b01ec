/**
 * A micro bench: one small piece of work, repeated by whoever measures it.
 *
 * Not the measuring (micro.bench.ts, compare.ts). To remember: names are what two commits are compared by; a work that means
 * something else gets another name, and each checks that it was done.
 */
export interface Work {
  readonly group: string;
  readonly name: string;
  run(): void | Promise<void>;
}

/** Throws when a work was not what it should be: a bench of nothing is fast. */
export function assertDone(found: number, expected: number, what: string): void {
  if (found !== expected) throw new Error(`${what}: ${found} instead of ${expected}`);
}
