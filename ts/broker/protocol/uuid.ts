/**
 * Uuids as this program holds them: 32 lower-case hex digits, one string per id, usable as a map key.
 *
 * Not a generator of random ids. The invariant to remember: the zero uuid means "no id" everywhere in the protocol.
 */

import { ProtocolError } from './protocol-error.ts';

/** No id. */
export const ZERO_UUID = '00000000000000000000000000000000';

const DIGITS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The uuid at `bytes[position, position + 16)`; the caller has checked that these bytes exist. */
export function readUuid(bytes: Uint8Array, position: number): string {
  let text = '';
  for (let i = position; i < position + 16; i += 1) text += DIGITS[bytes[i] as number];
  return text;
}

/** Writes a uuid at `position`; throws `ProtocolError` when it is not 32 hex digits. */
export function writeUuid(bytes: Uint8Array, position: number, uuid: string): void {
  if (uuid.length !== 32) throw new ProtocolError('a uuid has 32 hex digits');
  for (let i = 0; i < 16; i += 1) {
    const byte = hexDigit(uuid.charCodeAt(2 * i)) * 16 + hexDigit(uuid.charCodeAt(2 * i + 1));
    bytes[position + i] = byte;
  }
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  throw new ProtocolError('a uuid has 32 lower-case hex digits');
}
