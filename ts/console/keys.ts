/**
 * Keys of a store as a tree of prefixes, and the value of one.
 *
 * Not a list of all keys: below a prefix only what comes next is looked up, so a million keys under one name cost one
 * lookup. To remember: keys are bytes; names in URLs are base64url of them.
 */

import type { ScanEntry, ScanPage } from '../io/kv-scan.ts';
import { fromCode } from '../io/native-error.ts';
import { Code } from '../io/native-types.ts';
import { type Bounds, type PageOptions, SEQUENCE_OF_TURN, type Store } from '../kv/store.ts';
import { Stores } from '../kv/stores.ts';
import { decodeHead } from '../redis/collection-head.ts';
import type { KeyRow, KeysView, PrefixRow, ValueView } from './api.ts';
import { ConsoleError, type ConsoleParts, type Query, textOf, wholeOf } from './parts.ts';
import { bytesOf } from './record-json.ts';
import { storeRows } from './storage.ts';

const SEPARATOR = 0x3a;
const KEY_SHOWN = 512;
const VALUE_SHOWN = 1024 * 1024;
const PAGE = 64;
const PAGE_BYTES = 64 * 1024;
/** Keys of a prefix are counted up to here. */
const COUNTED = 1000;
const LIMIT = { from: 1, to: 500, otherwise: 100 };
/** Stores that Redis' databases lie in: their changes go through its commands. */
const REDIS_STORE = /^redis-\d+(-heads|-members)?$/;

/** The store that is named. Throws 404. */
export function storeOf({ server }: ConsoleParts, name: string): Store {
  const store = Stores.of(server.engine).get(name);
  if (!store) throw new ConsoleError(404, `there is no store ${name}`);
  return store;
}

/** Why nothing is to be changed in a store past its owner; null when it may. */
export function readOnlyReason(store: string): string | null {
  return REDIS_STORE.test(store) ? 'These keys are Redis’ own: change them with its commands.' : null;
}

/** Bytes of a name in a URL. Throws 400. */
export function keyNamed(id: string): Buffer {
  if (!/^[\w-]*$/.test(id)) throw new ConsoleError(400, 'a key is named by base64url');
  return Buffer.from(id, 'base64url');
}

/** One page, wherever its keys lie. Rejects with the engine's error. */
export async function pageOf(store: Store, bounds: Bounds, options: PageOptions): Promise<ScanPage> {
  const page = await new Promise<ScanPage>((resolve) => {
    const found = store.scanPage(bounds, options, resolve);
    if (found) resolve(found);
  });
  if (page.code !== Code.ok) throw fromCode(page.code);
  return page;
}

/** The first bytes behind everything that begins with `prefix`; undefined when nothing is. */
export function behind(prefix: Uint8Array): Buffer | undefined {
  for (let last = prefix.length - 1; last >= 0; last -= 1) {
    if ((prefix[last] as number) === 0xff) continue;
    const next = Buffer.from(prefix.subarray(0, last + 1));
    next[last] = (next[last] as number) + 1;
    return next;
  }
  return undefined;
}

/** Everything right below `prefix`: keys, and prefixes that end with the next colon. */
export async function keys(parts: ConsoleParts, query: Query): Promise<KeysView> {
  const name = textOf(query, 'store');
  const store = storeOf(parts, name);
  const prefix = keyNamed(textOf(query, 'prefix', ''));
  const after = textOf(query, 'after', '');
  const limit = wholeOf(query, 'limit', LIMIT);
  const [row] = storeRows(parts.server.engine).filter((one) => one.name === name);
  if (!row) throw new ConsoleError(404, `there is no store ${name}`);
  const below = await levelBelow(store, prefix, after === '' ? prefix : keyNamed(after), limit);
  const prefixes: PrefixRow[] = [];
  for (const one of below.prefixes) prefixes.push(await prefixRow(store, one));
  const found = /-heads$/.test(name) ? await collectionRows(store, below.keys) : below.keys.map(keyRow);
  const next = below.next?.toString('base64url') ?? null;
  return { store: row, readOnly: readOnlyReason(name), prefixes, keys: found, next };
}

interface Level {
  readonly prefixes: Buffer[];
  readonly keys: ScanEntry[];
  readonly next: Buffer | undefined;
}

/** Walks over what is right below `prefix` from `from` on, passing over all that lies below each prefix in one step. */
async function levelBelow(store: Store, prefix: Buffer, from: Buffer, limit: number): Promise<Level> {
  const level = { prefixes: [] as Buffer[], keys: [] as ScanEntry[] };
  const lt = behind(prefix);
  let gte: Buffer | undefined = from;
  while (gte !== undefined) {
    const page: ScanPage = await pageOf(store, { gte, lt }, { keysOnly: true, limit: PAGE, bytes: PAGE_BYTES });
    let next: Buffer | undefined;
    for (const entry of page.entries) {
      if (level.prefixes.length + level.keys.length >= limit) return { ...level, next: entry.key };
      const colon = entry.key.indexOf(SEPARATOR, prefix.length);
      if (colon >= 0) {
        const group = Buffer.from(entry.key.subarray(0, colon + 1));
        level.prefixes.push(group);
        next = behind(group);
        break;
      }
      level.keys.push(entry);
      next = page.more ? Buffer.concat([entry.key, Buffer.alloc(1)]) : undefined;
    }
    gte = next;
  }
  return { ...level, next: undefined };
}

async function prefixRow(store: Store, prefix: Buffer): Promise<PrefixRow> {
  const bounds = { gte: prefix, lt: behind(prefix) };
  const options = { keysOnly: true, lastOnly: true, limit: COUNTED, bytes: PAGE_BYTES };
  const { count, more } = await pageOf(store, bounds, options);
  return { id: prefix.toString('base64url'), prefix: bytesOf(prefix, KEY_SHOWN), keys: count, isMore: more };
}

function keyRow({ key, expiresMs }: ScanEntry): KeyRow {
  const id = key.toString('base64url');
  return { id, key: bytesOf(key, KEY_SHOWN), expiresMs, type: null, members: null };
}

/** Keys of Redis' collections with what they are. */
async function collectionRows(store: Store, entries: readonly ScanEntry[]): Promise<KeyRow[]> {
  const values = await store.getMany(entries.map(({ key }) => key));
  return entries.map((entry, index) => {
    const value = values[index];
    if (value === undefined) return keyRow(entry);
    const { type, count } = decodeHead({ value, expiresMs: entry.expiresMs });
    return { ...keyRow(entry), type, members: count };
  });
}

/** The value of one key, up to a megabyte of it. */
export async function value(parts: ConsoleParts, query: Query): Promise<ValueView> {
  const store = storeOf(parts, textOf(query, 'store'));
  const key = keyNamed(textOf(query, 'key'));
  const [answer] = await new Promise<readonly { code: number; value: Buffer; sequence: number; expiresMs: number }[]>(
    (resolve) => {
      const found = store.lookup([key], resolve);
      if (found) resolve(found);
    },
  );
  if (!answer || answer.code === Code.absent) throw new ConsoleError(404, 'there is no such key (any more)');
  if (answer.code !== Code.ok) throw fromCode(answer.code as 0);
  return {
    id: key.toString('base64url'),
    key: bytesOf(key, KEY_SHOWN),
    value: bytesOf(answer.value, VALUE_SHOWN),
    expiresMs: answer.expiresMs,
    sequence: answer.sequence === SEQUENCE_OF_TURN ? 0 : answer.sequence,
  };
}
