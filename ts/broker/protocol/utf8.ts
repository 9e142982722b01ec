/**
 * Strict UTF-8, fast for the short ASCII names that fill Kafka requests.
 *
 * Not a general text codec. The invariant to remember: bytes that are not valid UTF-8 are refused, never replaced, so
 * two different names on the wire can never become one name here.
 */

import { ProtocolError } from './protocol-error.ts';

/** Up to here a string is built character by character; longer ones are cheaper through the native decoder. */
const SHORT = 24;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The string in `bytes[start, end)`; throws `ProtocolError` when it is not valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT) {
    let text = '';
    let position = start;
    for (; position < end; position += 1) {
      const byte = bytes[position] as number;
      if (byte >= 0x80) break;
      text += String.fromCharCode(byte);
    }
    if (position === end) return text;
  }
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    throw new ProtocolError('a string is not valid UTF-8');
  }
}

/** Bytes that `text` takes in UTF-8; a lone surrogate counts as the replacement character it is encoded to. */
export function utf8Length(text: string): number {
  if (text.length <= SHORT && isAscii(text)) return text.length;
  return Buffer.byteLength(text, 'utf8');
}

/** Writes `text`, whose `utf8Length` is `length`, at `position`. */
export function encodeUtf8(bytes: Buffer, position: number, text: string, length: number): void {
  if (text.length === length && length <= SHORT) {
    for (let i = 0; i < length; i += 1) bytes[position + i] = text.charCodeAt(i);
    return;
  }
  bytes.write(text, position, length, 'utf8');
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}
