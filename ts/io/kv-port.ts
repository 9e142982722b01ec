/**
 * The KV side of one engine as TypeScript sees it: reads, pages, snapshots and figures of stores by number.
 *
 * Not writes (they are effects of a turn's commit) and not names (ts/kv/stores.ts). To remember: reads see what has been
 * committed; what a turn has only queued is not in them.
 */

import { CommandRun } from './command-run.ts';
import { type KvAnswer, type KvDone, KvReads } from './kv-reads.ts';
import { type ScanPage, type ScanRequest, scanPage } from './kv-scan.ts';
import { Code, type CodeNumber, type NativeEngine } from './native-types.ts';

const KEY_BYTES = 4096;

/** What `ts/kv` needs of an engine's stores. */
export interface KvPort {
  /** Values of `keys`: at once when all are in memory, else undefined, and `done` runs with them later. */
  get(store: number, snapshot: number, keys: readonly Uint8Array[], done: KvDone): KvAnswer[] | undefined;
  /** The present value of one key if it is in memory; null when there is none; undefined where only `get` can tell. */
  look(store: number, key: Uint8Array): Buffer | null | undefined;
  /** One page of keys in order, at once or later like `get`. */
  scan(request: ScanRequest, done: (page: ScanPage) => void): ScanPage | undefined;
  /** A snapshot as of everything committed so far; 0 when there is no such store. It has to be released. */
  snapshot(store: number): number;
  release(snapshot: number): void;
  /** Keys that are there; -1 when there is no such store. */
  count(store: number): number;
  /** Keys from `from` on and before `to`; below 0 a `Code`, negated. Exact where keys do not expire. */
  countBetween(store: number, from: Uint8Array, to: Uint8Array): number;
  /** The key with `index` keys of that range before it, undefined when there are fewer; or the `Code` of a refusal. */
  nthBetween(
    store: number,
    from: Uint8Array,
    to: Uint8Array | undefined,
    index: number,
  ): Buffer | CodeNumber | undefined;
  /** Bytes of the records of all keys of these stores, settled or not, and `forEach` bytes for each key. */
  liveBytes(stores: Float64Array, forEach: number): number;
  /** What a store holds and costs. */
  stats(store: number): Record<string, unknown>;
  /** Begins a merge of what is worth merging. */
  merge(store: number): void;
}

/** The stores of one native engine. */
export class NativeKv implements KvPort {
  readonly reads: KvReads;
  /** Simple Redis commands, run where the data is. */
  readonly run: CommandRun;
  readonly #native: NativeEngine;
  /** Where a key lands before it gets memory of its own. */
  #key: Buffer = Buffer.allocUnsafeSlow(KEY_BYTES);

  constructor(native: NativeEngine) {
    this.#native = native;
    this.reads = new KvReads(native);
    this.run = new CommandRun(native);
  }

  get(store: number, snapshot: number, keys: readonly Uint8Array[], done: KvDone): KvAnswer[] | undefined {
    return this.reads.get(store, snapshot, keys, done);
  }

  look(store: number, key: Uint8Array): Buffer | null | undefined {
    return this.reads.look(store, key);
  }

  scan(request: ScanRequest, done: (page: ScanPage) => void): ScanPage | undefined {
    return scanPage(this.#native, this.reads, request, done);
  }

  snapshot(store: number): number {
    return this.#native.kvSnapshot(store);
  }

  release(snapshot: number): void {
    this.#native.kvRelease(snapshot);
  }

  count(store: number): number {
    return this.#native.kvCount(store);
  }

  countBetween(store: number, from: Uint8Array, to: Uint8Array): number {
    return this.#native.kvCountBetween(store, from, to);
  }

  nthBetween(
    store: number,
    from: Uint8Array,
    to: Uint8Array | undefined,
    index: number,
  ): Buffer | CodeNumber | undefined {
    const length = this.#native.kvNthBetween(store, from, to, index, this.#key);
    if (length < 0) return -length === Code.absent ? undefined : (-length as CodeNumber);
    if (length > this.#key.length) {
      this.#key = Buffer.allocUnsafeSlow(length);
      return this.nthBetween(store, from, to, index);
    }
    return Buffer.from(this.#key.subarray(0, length));
  }

  liveBytes(stores: Float64Array, forEach: number): number {
    return this.#native.kvLiveBytes(stores, forEach);
  }

  stats(store: number): Record<string, unknown> {
    return JSON.parse(this.#native.kvStats(store)) as Record<string, unknown>;
  }

  merge(store: number): void {
    this.#native.kvMerge(store);
  }
}
