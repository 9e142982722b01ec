/**
 * As much of tape as abstract-level's public suite uses, on vitest: every test of the suite is a test of ours.
 *
 * Not tape: assertions throw at once, so the first failure of a test ends it.
 */

import { isDeepStrictEqual } from 'node:util';
import { expect, test as vitestTest } from 'vitest';

type Body = (t: Tape) => unknown;

/** The object a test of the suite is given. */
export class Tape {
  #planned: number | undefined;
  #asserted = 0;
  #ended: (() => void) | undefined;
  #failed: ((error: unknown) => void) | undefined;
  #nested: [string, Body][] = [];
  #waitsForEnd = true;

  #assert(holds: boolean, message: string): void {
    this.#asserted += 1;
    assertions += 1;
    if (!holds) {
      const error = new Error(message);
      this.#failed?.(error);
      throw error;
    }
    if (this.#asserted === this.#planned) this.#ended?.();
  }

  plan(count: number): void {
    this.#planned = count;
  }

  end(): void {
    this.#planned = undefined;
    this.#ended?.();
  }

  is(actual: unknown, expected: unknown, message = ''): void {
    this.#assert(Object.is(actual, expected), `${message}: ${String(actual)} is not ${String(expected)}`);
  }

  isNot(actual: unknown, expected: unknown, message = ''): void {
    this.#assert(!Object.is(actual, expected), `${message}: both are ${String(actual)}`);
  }

  same(actual: unknown, expected: unknown, message = ''): void {
    const isSame = isDeepStrictEqual(actual, expected);
    if (!isSame) expect.soft(actual, message).toEqual(expected);
    this.#assert(isSame, `${message}: not the same`);
  }

  ok(value: unknown, message = ''): void {
    this.#assert(Boolean(value), `${message}: ${String(value)} is not truthy`);
  }

  notOk(value: unknown, message = ''): void {
    this.#assert(!value, `${message}: ${String(value)} is truthy`);
  }

  ifError(error: unknown, message = ''): void {
    this.#assert(!error, `${message}: ${String(error)}`);
  }

  pass(): void {
    this.#assert(true, '');
  }

  fail(message: unknown = 'must not be reached'): void {
    this.#assert(false, String(message));
  }

  throws(action: () => unknown, wanted?: RegExp | ((error: unknown) => unknown), message = ''): void {
    let thrown: unknown;
    try {
      action();
    } catch (error) {
      thrown = error;
    }
    const fits = wanted === undefined || (wanted instanceof RegExp ? wanted.test(String(thrown)) : wanted(thrown));
    this.#assert(thrown !== undefined && Boolean(fits ?? true), `${message}: threw ${String(thrown)}`);
  }

  doesNotThrow(action: () => unknown): void {
    action();
    this.pass();
  }

  comment(): void {}

  test(name: string, body: Body): void {
    this.#nested.push([name, body]);
  }

  /** Runs `body` to its end: its promise, its plan or its `end`, then the tests it has nested. */
  async run(body: Body): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#ended = resolve;
      this.#failed = reject;
      const returned = body(this);
      if (returned instanceof Promise || typeof (returned as PromiseLike<unknown> | undefined)?.then === 'function') {
        this.#waitsForEnd = false;
        (returned as Promise<unknown>).then(() => {
          if (this.#planned === undefined || this.#asserted >= this.#planned) resolve();
        }, reject);
      } else if (this.#planned !== undefined && this.#asserted >= this.#planned) resolve();
      else if (this.#nested.length > 0 && this.#planned === undefined && this.#waitsForEnd) resolve();
    });
    if (this.#planned !== undefined) expect(this.#asserted).toBe(this.#planned);
    for (const [name, nested] of this.#nested) {
      await new Tape().run(nested).catch((error: unknown) => {
        throw new Error(`${name}: ${String(error)}`, { cause: error });
      });
    }
  }
}

let assertions = 0;

/** Assertions that have held since the program began. */
export function assertionCount(): number {
  return assertions;
}

/** tape's `test`. */
export function tapeTest(name: string, body: Body): void {
  vitestTest(name, () => new Tape().run(body));
}
