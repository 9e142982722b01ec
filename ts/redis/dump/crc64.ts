/**
 * The checksum behind payloads of DUMP: CRC-64 of Jones, as Redis has it.
 *
 * To remember: a number of 64 bits is two of 32 here, because it is made for every byte.
 */

const POLYNOMIAL_HIGH = 0x95ac9329;
const POLYNOMIAL_LOW = 0xac4bc9b5;

const high = new Uint32Array(256);
const low = new Uint32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let upper = 0;
  let lower = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    const isOdd = (lower & 1) === 1;
    lower = (lower >>> 1) | ((upper & 1) << 31);
    upper >>>= 1;
    if (!isOdd) continue;
    upper ^= POLYNOMIAL_HIGH;
    lower ^= POLYNOMIAL_LOW;
  }
  high[byte] = upper >>> 0;
  low[byte] = lower >>> 0;
}

/** The checksum of `bytes`, its eight bytes little endian. */
export function crc64(bytes: Uint8Array): Buffer {
  let upper = 0;
  let lower = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const place = (lower ^ (bytes[index] as number)) & 0xff;
    lower = ((lower >>> 8) | (upper << 24)) ^ (low[place] as number);
    upper = (upper >>> 8) ^ (high[place] as number);
  }
  const sum = Buffer.allocUnsafe(8);
  sum.writeUInt32LE(lower >>> 0, 0);
  sum.writeUInt32LE(upper >>> 0, 4);
  return sum;
}
