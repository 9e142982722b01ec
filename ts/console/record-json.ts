/**
 * Records as JSON for the pages: whole, or cut short for a list.
 *
 * Not what they mean. To remember: a record holds whatever its producer put there, so it leaves as text only when it is
 * text, and everything is bounded.
 */

import type { LogRecord } from '../log/record.ts';
import type { Bytes, RecordRow } from './api.ts';

/** How much of each part is sent. */
export interface RecordLimits {
  readonly key: number;
  readonly value: number;
  readonly headers: number;
}

export const LISTED: RecordLimits = { key: 256, value: 1024, headers: 20 };
export const WHOLE: RecordLimits = { key: 64 * 1024, value: 2 * 1024 * 1024, headers: 1000 };

/** Characters that no text has: control characters but for tab, line feed and carriage return. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NO_TEXT = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** `content` up to `limit` bytes; null stays null. */
export function bytesOf(content: Uint8Array, limit: number): Bytes;
export function bytesOf(content: Uint8Array | null, limit: number): Bytes | null;
export function bytesOf(content: Uint8Array | null, limit: number): Bytes | null {
  if (content === null) return null;
  const part = content.subarray(0, limit);
  const size = content.length;
  try {
    // Streaming lets a character that was cut at the end be left out.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(part, { stream: size > limit });
    if (!NO_TEXT.test(text)) return { text, size };
  } catch {
    // Not UTF-8: it travels as bytes.
  }
  return { base64: Buffer.from(part.buffer, part.byteOffset, part.length).toString('base64'), size };
}

export function recordRow(record: LogRecord, limits: RecordLimits): RecordRow {
  const { partition, offset, timestamp, key, value, headers } = record;
  return {
    partition,
    offset: Number(offset),
    timestamp,
    key: bytesOf(key, limits.key),
    value: bytesOf(value, limits.value),
    headers: headers.slice(0, limits.headers).map(([name, content]) => {
      return { name: name.slice(0, limits.key), value: bytesOf(content, limits.key) };
    }),
    headerCount: headers.length,
  };
}
