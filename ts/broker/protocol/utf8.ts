/**
 * Strict UTF-8, fast for the short names that fill Kafka requests again and again.
 *
 * Not a general text codec. The invariant to remember: bytes that are not valid UTF-8 are refused, never replaced, so two
 * different names on the wire can never become one name here. Short strings come out of a small cache, so that a name is
 * one string object (flat, its hash known) however often it is sent; a wrong guess of the cache costs time, never truth.
 */

import { ProtocolError } from './protocol-error.ts';

/** Longest string that is cached, in bytes; longer ones are cheap through the native decoder. */
const SHORT = 40;
/** Power of two. With `SHORT` it bounds the cache to about 100 KiB. */
const SLOTS = 1024;

interface CachedString {
  readonly bytes: Uint8Array;
  readonly text: string;
}

const cache: (CachedString | undefined)[] = new Array<CachedString | undefined>(SLOTS).fill(undefined);
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The string in `bytes[start, end)`; throws `ProtocolError` when it is not valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length > SHORT) return decodeNative(bytes, start, end);
  let hash = length;
  for (let i = start; i < end; i += 1) hash = Math.imul(hash, 31) + (bytes[i] as number);
  const slot = (hash ^ (hash >>> 10)) & (SLOTS - 1);
  const cached = cache[slot];
  if (cached !== undefined && isSame(cached.bytes, bytes, start, length)) return cached.text;
  const text = decodeNative(bytes, start, end);
  cache[slot] = { bytes: Uint8Array.prototype.slice.call(bytes, start, end), text };
  return text;
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i += 1) if (known[i] !== bytes[start + i]) return false;
  return true;
}

function decodeNative(bytes: Uint8Array, start: number, end: number): string {
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    throw new ProtocolError('a string is not valid UTF-8');
  }
}

/**
 * Writes `text` at `position` if it is ASCII and answers true; answers false, with some bytes written, if it is not.
 * There must be room for `text.length` bytes.
 */
export function encodeAscii(bytes: Uint8Array, position: number, text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return false;
    bytes[position + i] = code;
  }
  return true;
}
