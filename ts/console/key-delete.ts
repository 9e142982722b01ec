/**
 * Deletes a key, or what begins with a prefix, after a preview.
 *
 * To remember: a bounded number of keys at a time, in one frame, so that it happens whole or not at all; and never in a
 * store whose owner would not hear of it.
 */

import { Code, Level } from '../io/native-types.ts';
import { firstRefusal } from '../kv/refusal.ts';
import type { DeleteAnswer } from './api.ts';
import { behind, keyNamed, pageOf, readOnlyReason, storeOf } from './keys.ts';
import { ConsoleError, type ConsoleParts } from './parts.ts';
import { bytesOf } from './record-json.ts';

/** Keys that are deleted at a time. */
const AT_ONCE = 10_000;
const KEYS_BYTES = 4 * 1024 * 1024;
const SHOWN = 20;
const KEY_SHOWN = 512;

/** `{ store, key | prefix, preview? }`, key and prefix as base64url. An empty prefix is every key. */
export async function deleteKeys(parts: ConsoleParts, body: Readonly<Record<string, unknown>>): Promise<DeleteAnswer> {
  const { store: name, key, prefix, preview } = body;
  if (typeof name !== 'string') throw new ConsoleError(400, 'store is missing');
  const store = storeOf(parts, name);
  const refusal = readOnlyReason(name);
  if (refusal !== null) throw new ConsoleError(409, refusal);
  let keys: readonly Buffer[];
  let isMore = false;
  if (typeof key === 'string') keys = [keyNamed(key)];
  else if (typeof prefix === 'string') {
    const start = keyNamed(prefix);
    const options = { keysOnly: true, limit: AT_ONCE, bytes: KEYS_BYTES };
    const page = await pageOf(store, { gte: start, lt: behind(start) }, options);
    keys = page.entries.map((entry) => entry.key);
    isMore = page.more;
  } else throw new ConsoleError(400, 'key or prefix is missing');
  const sample = keys.slice(0, SHOWN).map((one) => bytesOf(one, KEY_SHOWN));
  const answer = { keys: keys.length, isMore, sample };
  if (preview === true || keys.length === 0) return { isDone: false, ...answer };
  const effects = keys.map((one) => ({ kind: 'kvDelete' as const, store: store.id, key: one }));
  const code = await new Promise<number>((resolve) => {
    store.write(effects, Level.durable, (results, failure) => {
      resolve(failure !== Code.ok ? failure : firstRefusal(results));
    });
  });
  if (code !== Code.ok) throw new ConsoleError(503, `the keys could not be deleted (code ${code})`);
  return { isDone: true, ...answer };
}
