/** The script, frames that no codec writes: unknown APIs and versions, and bytes that are no request. */
import type { RawStep } from '../step.ts';

/** Header version 1 without a client id, then `body`. */
function frame(apiKey: number, version: number, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const head = Buffer.alloc(10);
  head.writeInt16BE(apiKey, 0);
  head.writeInt16BE(version, 2);
  head.writeInt32BE(1, 4);
  head.writeInt16BE(-1, 8);
  return Buffer.concat([head, body]);
}

const int32 = (...values: number[]) =>
  Buffer.concat(values.map((value) => Buffer.from(Int32Array.of(value).buffer).swap32()));

export const rawSteps: readonly RawStep[] = [
  { name: 'an unknown API', frame: frame(999, 0) },
  { name: 'a negative API', frame: frame(-3, 0) },
  { name: 'Metadata in version 99', frame: frame(3, 99) },
  { name: 'Metadata in version -1', frame: frame(3, -1) },
  { name: 'Produce in version 2', frame: frame(0, 2, int32(0)) },
  { name: 'Metadata that ends too early', frame: frame(3, 1, int32(1)) },
  { name: 'Metadata with a count of 2^31 - 1', frame: frame(3, 1, int32(2 ** 31 - 1)) },
  { name: 'Metadata with a count of -2', frame: frame(3, 1, int32(-2)) },
  { name: 'Metadata with a string of length -1', frame: frame(3, 1, Buffer.concat([int32(1), Buffer.of(255, 255)])) },
  { name: 'Metadata with bytes behind it', frame: frame(3, 1, int32(0, 7)) },
  { name: 'Heartbeat that ends too early', frame: frame(12, 0, Buffer.of(0, 9, 1)) },
  { name: 'a header that ends too early', frame: Buffer.of(0, 18, 0) },
];
