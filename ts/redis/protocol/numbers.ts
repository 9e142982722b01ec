/**
 * Numbers as Redis reads them from strings and writes them: 64-bit integers and decimal fractions.
 *
 * To remember: only the shortest form is a number: no blank, no plus sign, no leading zero.
 */

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** Whether it fits into 64 bits with a sign. */
export function isInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}

/** An integer of 64 bits; undefined when the bytes are none. */
export function parseInt64(bytes: Uint8Array): bigint | undefined {
  const small = parseSmall(bytes);
  if (small !== undefined) return BigInt(small);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 21)).toString('latin1');
  if (bytes.length > 20 || !/^-?[1-9][0-9]*$/.test(text)) return undefined;
  const value = BigInt(text);
  return isInt64(value) ? value : undefined;
}

/** An integer of at most 15 digits; undefined for anything else, also for larger integers. */
export function parseSmall(bytes: Uint8Array): number | undefined {
  const { length } = bytes;
  const isNegative = bytes[0] === 45;
  const from = isNegative ? 1 : 0;
  if (length === from || length - from > 15) return undefined;
  if (bytes[from] === 48) return length === 1 ? 0 : undefined;
  let value = 0;
  for (let at = from; at < length; at += 1) {
    const digit = (bytes[at] as number) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return isNegative ? -value : value;
}

/** A number as x87 has it, whose arithmetic Redis uses here: `mantissa` * 2^`exponent`, the mantissa of 64 bits. */
export interface Extended {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** Digits behind the point that Redis writes. */
const FRACTION_DIGITS = 17n;
const MANTISSA_BITS = 64;
/** Largest power of ten that is taken. */
const EXPONENT_MAX = 300;

/** `top` / `bottom` * 2^`exponent`, rounded half to even. */
function rounded(top: bigint, bottom: bigint, exponent: number): Extended {
  if (top === 0n) return { mantissa: 0n, exponent: 0 };
  const isNegative = top < 0n;
  const size = isNegative ? -top : top;
  let shift = MANTISSA_BITS - (bitsOf(size) - bitsOf(bottom));
  // One bit too many at most: the quotient may have a bit less than the difference says.
  if (divide(size, bottom, shift).quotient >> BigInt(MANTISSA_BITS) > 0n) shift -= 1;
  const { quotient, rest, divisor } = divide(size, bottom, shift);
  const twice = rest * 2n;
  const mantissa = twice > divisor || (twice === divisor && quotient % 2n === 1n) ? quotient + 1n : quotient;
  return { mantissa: isNegative ? -mantissa : mantissa, exponent: exponent - shift };
}

function divide(size: bigint, bottom: bigint, shift: number): { quotient: bigint; rest: bigint; divisor: bigint } {
  const top = shift > 0 ? size << BigInt(shift) : size;
  const divisor = shift < 0 ? bottom << BigInt(-shift) : bottom;
  return { quotient: top / divisor, rest: top % divisor, divisor };
}

function bitsOf(value: bigint): number {
  return value.toString(2).length;
}

/** A decimal fraction, with an exponent or without; undefined for anything else, NaN included. */
export function parseExtended(bytes: Uint8Array): Extended | 'infinite' | undefined {
  if (bytes.length === 0 || bytes.length > 255) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (/^[+-]?inf(inity)?$/i.test(text)) return 'infinite';
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text);
  if (!match) return undefined;
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const scale = fraction.length - Number(exponentText);
  if (Math.abs(Number(exponentText)) > EXPONENT_MAX) return undefined;
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  return scale < 0 ? rounded(digits * 10n ** BigInt(-scale), 1n, 0) : rounded(digits, 10n ** BigInt(scale), 0);
}

/** Their sum. */
export function addExtended(left: Extended, right: Extended): Extended {
  const exponent = Math.min(left.exponent, right.exponent);
  const at = (one: Extended): bigint => one.mantissa << BigInt(one.exponent - exponent);
  return rounded(at(left) + at(right), 1n, exponent);
}

/** Without exponent, at most 17 digits behind the point and no zeros at its end. */
export function formatExtended({ mantissa, exponent }: Extended): string {
  const isNegative = mantissa < 0n;
  const top = (isNegative ? -mantissa : mantissa) * 10n ** FRACTION_DIGITS;
  const { quotient, rest, divisor } = divide(top, 1n, exponent);
  const twice = rest * 2n;
  const size = twice > divisor || (twice === divisor && quotient % 2n === 1n) ? quotient + 1n : quotient;
  const text = size.toString().padStart(Number(FRACTION_DIGITS) + 1, '0');
  const whole = text.slice(0, -Number(FRACTION_DIGITS));
  const fraction = text.slice(-Number(FRACTION_DIGITS)).replace(/0+$/, '');
  const shown = fraction === '' ? whole : `${whole}.${fraction}`;
  return isNegative && shown !== '0' ? `-${shown}` : shown;
}
