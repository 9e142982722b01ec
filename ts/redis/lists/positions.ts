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

const HALF = 2 ** 32;

export function positionBytes(position: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  const shifted = position + MIDDLE;
  bytes.writeUInt32BE(Math.floor(shifted / HALF), 0);
  bytes.writeUInt32BE(shifted % HALF, 4);
  return bytes;
}

/** The position in the key of an element. */
export function positionOf(key: Buffer): number {
  return key.readUInt32BE(ID_BYTES) * HALF + key.readUInt32BE(ID_BYTES + 4) - MIDDLE;
}
