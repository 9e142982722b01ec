/**
 * Positions of list elements: whole numbers, negative ones too, as eight bytes in their order.
 *
 * To remember: pushing 2^37 elements at one end alone would leave the numbers a double can tell apart.
 */

/** Between two elements that were pushed one after the other. */
export const GAP: number = 2 ** 16;
/** Position 0 lies here. */
const MIDDLE = 2 ** 52;
const ID_BYTES = 8;

export function positionBytes(position: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(position + MIDDLE));
  return bytes;
}

/** The position in the key of an element. */
export function positionOf(key: Buffer): number {
  return Number(key.readBigUInt64BE(ID_BYTES)) - MIDDLE;
}
