/**
 * What the key-value benches ask of a store, whoever made it; and keys and values that are the same for all.
 *
 * Invariant: every engine is opened as its manual says for the promise that is compared, with its own defaults otherwise.
 */

/** A store that is open. Keys are text of 16 characters. */
export interface KvEngine {
  /** Resolves when a power cut cannot take it back. */
  putDurable(key: string, value: Buffer): Promise<unknown>;
  /** All of it or nothing; with `isDurable` as `putDurable`. */
  batch(entries: readonly (readonly [key: string, value: Buffer])[], isDurable: boolean): Promise<unknown>;
  /** Throws when there is no such key. Absent where the store has no such call. */
  getSync?(key: string): Buffer;
  get(key: string): Promise<Buffer | undefined>;
  /** Reads every key with its value, in order; answers how many. */
  scan(): Promise<number>;
  /** Memory of the key directory, where the store tells. */
  keydirBytes?(): number;
  close(): Promise<void>;
}

/** Opens the store in an own directory; `require` finds rivals. */
export type OpenKvEngine = (directory: string, require: NodeJS.Require) => Promise<KvEngine>;

const VALUE_BYTES = 100;

/** The key of a number: scattered, and different for different numbers (a permutation of 48 bits). */
export function keyOf(number: number): string {
  const mixed = (BigInt(number) * 0x9e37_79b9_7f4bn) & 0xffff_ffff_ffffn;
  return mixed.toString(16).padStart(16, '0');
}

/** A value that does not compress, of one of 1,024 contents. */
export function contentOf(number: number): Buffer {
  return values[number & 1023] as Buffer;
}

const values = Array.from({ length: 1024 }, (_, index) => {
  let state = index + 1;
  return Buffer.from(
    Array.from({ length: VALUE_BYTES }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return state >> 16;
    }),
  );
});
