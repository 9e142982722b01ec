/**
 * The frame of a payload of DUMP: what is dumped, the version of the format, a checksum over both.
 *
 * Not what is in it (rdb-writer.ts, rdb-reader.ts). To remember: a checksum that fits says nothing about who made it.
 */

import { crc64 } from './crc64.ts';

/** What Redis 5 and later read. */
const VERSION_WRITTEN = 9;
/** That of Redis 7.2. */
const VERSION_MOST = 11;
const VERSION_BYTES = 2;
const FOOTER_BYTES = 10;

/** Closes what has been written. */
export function seal(body: Buffer): Buffer {
  const version = Buffer.alloc(VERSION_BYTES);
  version.writeUInt16LE(VERSION_WRITTEN);
  const checked = Buffer.concat([body, version]);
  return Buffer.concat([checked, crc64(checked)]);
}

/** What is in a payload; undefined when it is of another version or damaged. */
export function unseal(payload: Buffer): Buffer | undefined {
  if (payload.length < FOOTER_BYTES) return undefined;
  const end = payload.length - FOOTER_BYTES;
  const checked = payload.subarray(0, end + VERSION_BYTES);
  if (payload.readUInt16LE(end) > VERSION_MOST) return undefined;
  return crc64(checked).equals(payload.subarray(end + VERSION_BYTES)) ? payload.subarray(0, end) : undefined;
}
