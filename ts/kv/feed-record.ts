/**
 * The full-grade change feed's format: a change of a store as a Kafka record, and back.
 *
 * Not who is fed (feeds.ts). A put is key and value, a delete is the key with a null value, and the end of all keys (clear,
 * drop) is a record without key and value. To remember: what is here is for every Kafka client to read; it never changes
 * its meaning.
 */

import type { LogRecord, RecordInput } from '../log/record.ts';
import type { KvEffect } from '../log/types.ts';

/** Header of a put with an expiry: ms since 1970, decimal text. Nothing follows when it expires. */
export const EXPIRES_HEADER = 'millrace.expires';
/** Header of the record that says that all keys are gone. */
export const CLEAR_HEADER = 'millrace.clear';

/** What became of one key, or of all of them. */
export type StoreChange =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer; readonly expiresMs: number }
  | { readonly type: 'del'; readonly key: Buffer }
  | { readonly type: 'clear' };

/** The record of an effect; undefined when it changes no key. */
export function recordOf(effect: KvEffect): RecordInput | undefined {
  if (effect.kind === 'kvDelete') return { key: effect.key, value: null };
  if (effect.kind === 'kvClear' || effect.kind === 'dropStore') {
    return { key: null, value: null, headers: [[CLEAR_HEADER, null]] };
  }
  if (effect.kind !== 'kvPut') return undefined;
  const { key, value, expiresMs = 0 } = effect;
  return expiresMs === 0 ? { key, value } : { key, value, headers: [[EXPIRES_HEADER, String(expiresMs)]] };
}

/**
 * The change that a record of a feed stands for; undefined when it is none (somebody else has written to the topic). A
 * value that stays empty is empty, a null one is a delete.
 */
export function changeOf({
  key,
  value,
  headers,
}: Pick<LogRecord, 'key' | 'value' | 'headers'>): StoreChange | undefined {
  if (key === null) return headers.some(([name]) => name === CLEAR_HEADER) ? { type: 'clear' } : undefined;
  if (value === null) return { type: 'del', key };
  const expires = headers.find(([name]) => name === EXPIRES_HEADER)?.[1];
  const expiresMs = expires ? Number(expires.toString()) : 0;
  if (!Number.isSafeInteger(expiresMs) || expiresMs < 0) return undefined;
  return { type: 'put', key, value, expiresMs };
}
