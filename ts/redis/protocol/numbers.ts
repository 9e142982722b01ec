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

/** A decimal fraction, exactly: `digits` * 10^-`scale`. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/** Digits behind the point that are kept, as by Redis' long double. */
const FRACTION_DIGITS = 17;
/** Largest power of ten that is taken: beyond it Redis' answers are not exact either. */
const EXPONENT_MAX = 300;

/** A decimal fraction, with an exponent or without; undefined for anything else, infinities and NaN included. */
export function parseDecimal(bytes: Uint8Array): Decimal | undefined {
  if (bytes.length === 0 || bytes.length > 255) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text);
  if (!match) return undefined;
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const exponent = Number(exponentText);
  if (Math.abs(exponent) > EXPONENT_MAX) return undefined;
  let digits = BigInt(`${whole}${fraction}` || '0');
  if (sign === '-') digits = -digits;
  const scale = fraction.length - exponent;
  return scale < 0 ? { digits: digits * 10n ** BigInt(-scale), scale: 0 } : { digits, scale };
}

/** Their sum, rounded as it is written. */
export function addDecimals(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale);
  const at = (one: Decimal): bigint => one.digits * 10n ** BigInt(scale - one.scale);
  return { digits: at(left) + at(right), scale };
}

/** Without exponent and without zeros at its end, at most 17 digits behind the point. */
export function formatDecimal({ digits, scale }: Decimal): string {
  const isNegative = digits < 0n;
  let size = isNegative ? -digits : digits;
  let places = scale;
  if (places > FRACTION_DIGITS) {
    const unit = 10n ** BigInt(places - FRACTION_DIGITS);
    size = (size + unit / 2n) / unit;
    places = FRACTION_DIGITS;
  }
  const text = size.toString().padStart(places + 1, '0');
  const whole = text.slice(0, text.length - places);
  const fraction = places === 0 ? '' : text.slice(-places).replace(/0+$/, '');
  const shown = fraction === '' ? whole : `${whole}.${fraction}`;
  return isNegative && shown !== '0' ? `-${shown}` : shown;
}
