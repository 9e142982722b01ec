/**
 * UTF-8, fast for the short names that fill Kafka requests again and again.
 *
 * Not a general text codec. The invariant to remember: two different names on the wire never become one name here. A byte
 * that is no UTF-8 (or half a character) becomes the lone surrogate U+DC00 + byte, which no valid text holds, so a bad
 * name is one bad name to be refused by whoever judges names, not a broken message. Short strings come out of a small
 * cache, so that a name is one string object (flat, its hash known) however often it is sent; a wrong guess of the cache
 * costs time, never truth.
 */

import { isUtf8 } from 'node:buffer';

/** Longest string that is cached, in bytes; longer ones are cheap through the native decoder. */
const SHORT = 40;
/** Power of two. With `SHORT` it bounds the cache to about 100 KiB. */
const SLOTS = 1024;

interface CachedString {
  readonly bytes: Uint8Array;
  readonly text: string;
}

const cache: (CachedString | undefined)[] = new Array<CachedString | undefined>(SLOTS).fill(undefined);
/** U+DC80 to U+DCFF: where the escaped bytes lie. */
const ESCAPE_BASE = 0xdc00;
const LONE_SURROGATE = /\p{Surrogate}/u;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The string in `bytes[start, end)`; lone surrogates stand for bytes that are not valid UTF-8. Never throws. */
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
  const view = bytes.subarray(start, end);
  return isUtf8(view) ? decoder.decode(view) : decodeEscaped(view);
}

/** One pass, no exception per byte: hostile text costs no more than its length. */
function decodeEscaped(bytes: Uint8Array): string {
  const parts: string[] = [];
  let validFrom = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    if (validFrom < at) parts.push(decoder.decode(bytes.subarray(validFrom, at)));
    parts.push(String.fromCharCode(ESCAPE_BASE + (bytes[at] as number)));
    at += 1;
    validFrom = at;
  }
  if (validFrom < bytes.length) parts.push(decoder.decode(bytes.subarray(validFrom)));
  return parts.join('');
}

/** Bytes of the valid UTF-8 sequence at `at`, 0 when there is none: no overlong form, no surrogate, nothing past U+10FFFF. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  if (lead < 0x80) return 1;
  const second = bytes[at + 1] ?? 0;
  if (lead >= 0xc2 && lead <= 0xdf) return isContinuation(second) ? 2 : 0;
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (lead < 0xe0 || lead > 0xf4 || second < low || second > high) return 0;
  if (!isContinuation(bytes[at + 2] ?? 0)) return 0;
  if (lead < 0xf0) return 3;
  return isContinuation(bytes[at + 3] ?? 0) ? 4 : 0;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Whether `text` was valid UTF-8 on the wire, so that it can be stored and given back as it is. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
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
