/** Scores as eight bytes whose order is that of the numbers. To remember: zero has one form, and there is no NaN. */

export const SCORE_BYTES = 8;
const SIGN = 0x80000000;

/** Writes a score. Of the two zeros the positive one is written. */
export function writeScore(bytes: Buffer, score: number, at: number): void {
  bytes.writeDoubleBE(score === 0 ? 0 : score, at);
  const high = bytes.readUInt32BE(at);
  if (high < SIGN) {
    bytes.writeUInt32BE(high + SIGN, at);
    return;
  }
  bytes.writeUInt32BE(~high >>> 0, at);
  bytes.writeUInt32BE(~bytes.readUInt32BE(at + 4) >>> 0, at + 4);
}

/** Reads what `writeScore` has written. */
export function readScore(bytes: Buffer, at: number): number {
  const high = bytes.readUInt32BE(at);
  const low = bytes.readUInt32BE(at + 4);
  const copy = Buffer.allocUnsafe(SCORE_BYTES);
  copy.writeUInt32BE(high >= SIGN ? high - SIGN : ~high >>> 0, 0);
  copy.writeUInt32BE(high >= SIGN ? low : ~low >>> 0, 4);
  return copy.readDoubleBE(0);
}
