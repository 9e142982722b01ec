/**
 * One page of a scan: the question, and the packed entries that answer it.
 *
 * Not the iteration from page to page (ts/kv/scan.ts). To remember: keys and values are views of the page's memory, which
 * is nobody else's.
 */

import type { KvReads } from './kv-reads.ts';
import type { CodeNumber, NativeEngine } from './native-types.ts';
import { Code, KV_ENTRY_HEAD, KvScanFlag } from './native-types.ts';

/** Which part of a store to read, and how much of it at once. */
export interface ScanRequest {
  readonly store: number;
  /** 0 = as it is now. */
  readonly snapshot: number;
  /** Lower bound; undefined = from the first key. */
  readonly from: Uint8Array | undefined;
  readonly fromInclusive: boolean;
  /** Upper bound; undefined = to the last key. */
  readonly to: Uint8Array | undefined;
  readonly toInclusive: boolean;
  readonly reverse: boolean;
  readonly keysOnly: boolean;
  /** The page has only its last entry, beside its count: for whoever counts. */
  readonly lastOnly: boolean;
  /** Most entries of the page. */
  readonly limit: number;
  /** Bytes of the page; a larger single entry still comes whole. */
  readonly bytes: number;
}

/** One entry of a page. */
export interface ScanEntry {
  readonly key: Buffer;
  /** Empty in a scan of keys. */
  readonly value: Buffer;
  readonly sequence: number;
  /** ms since 1970, 0 = never. */
  readonly expiresMs: number;
}

/** A page: entries in the order asked for. */
export interface ScanPage {
  readonly code: CodeNumber;
  readonly entries: readonly ScanEntry[];
  /** How many entries the page stands for. */
  readonly count: number;
  /** There may be more behind the last entry. */
  readonly more: boolean;
}

const out = new Float64Array(5);

/** Reads a page: at once when it is in memory; undefined otherwise, and `done` runs with it later. One crossing. */
export function scanPage(
  native: NativeEngine,
  reads: KvReads,
  request: ScanRequest,
  done: (page: ScanPage) => void,
): ScanPage | undefined {
  let room = request.bytes;
  for (;;) {
    const destination = Buffer.allocUnsafeSlow(room);
    ask(native, request, destination);
    const code = out[0] as CodeNumber;
    if (code === Code.noRoom) {
      room = out[2] as number;
      continue;
    }
    if (code === Code.pending) {
      reads.whenReported(out[3] as number, (reported) => again(native, reads, request, reported, done));
      return undefined;
    }
    if (code !== Code.ok) return { code, entries: [], count: 0, more: false };
    const count = out[1] as number;
    const from = request.lastOnly ? count - 1 : 0;
    return { code, entries: entriesOf(destination, from, count, out[2] as number), count, more: out[4] === 1 };
  }
}

function again(
  native: NativeEngine,
  reads: KvReads,
  request: ScanRequest,
  reported: CodeNumber,
  done: (page: ScanPage) => void,
): void {
  if (reported !== Code.ok) {
    done({ code: reported, entries: [], count: 0, more: false });
    return;
  }
  const page = scanPage(native, reads, request, done);
  if (page) done(page);
}

function ask(native: NativeEngine, request: ScanRequest, destination: Buffer): void {
  const { store, snapshot, from, fromInclusive, to, toInclusive, limit } = request;
  const flags = (request.reverse ? KvScanFlag.reverse : 0) | (request.keysOnly ? KvScanFlag.keysOnly : 0);
  native.kvScan(store, snapshot, from, fromInclusive, to, toInclusive, flags, limit, destination, out);
}

/** Entries from the one at index `from` on. */
function entriesOf(bytes: Buffer, from: number, count: number, end: number): ScanEntry[] {
  const entries: ScanEntry[] = [];
  let at = 0;
  for (let index = 0; index < count && at + KV_ENTRY_HEAD <= end; index += 1) {
    const keyAt = at + KV_ENTRY_HEAD;
    const valueAt = keyAt + bytes.readUInt32LE(at);
    const next = valueAt + bytes.readUInt32LE(at + 4);
    if (index >= from) {
      entries.push({
        key: bytes.subarray(keyAt, valueAt),
        value: bytes.subarray(valueAt, next),
        sequence: bytes.readDoubleLE(at + 8),
        expiresMs: bytes.readDoubleLE(at + 16),
      });
    }
    at = next;
  }
  return entries;
}
