/**
 * Scores as Redis 7 reads them from strings (`strtod`) and writes them (`%.17g`).
 *
 * Not the decimal fractions of INCRBYFLOAT (numbers.ts), which are x87's. To remember: NaN is never read, and a number
 * that no double can hold (too large, or so small that it would be zero) is not one.
 */

const LONGEST = 512;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d{1,6}))?$/i;
const INFINITY = /^([+-]?)inf(inity)?$/i;

/** A double; undefined when the bytes are none. */
export function parseDouble(bytes: Buffer): number | undefined {
  const { length } = bytes;
  if (length === 0 || length > LONGEST) return undefined;
  const text = bytes.toString('latin1');
  if (DECIMAL.test(text)) return finite(Number(text), /[1-9]/.test(text.replace(/e.*/i, '')));
  const infinite = INFINITY.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  const parts = HEXADECIMAL.exec(text);
  return parts === null ? undefined : hexadecimal(parts);
}

/**
 * As `parseDouble`, but with what `strtod` alone takes: blanks go first, a zero byte ends it, nothing is 0, and what is too
 * large is infinite.
 */
export function parseBound(bytes: Buffer): number | undefined {
  const zero = bytes.indexOf(0);
  const length = zero < 0 ? bytes.length : zero;
  if (length === 0) return 0;
  if (length > LONGEST) return undefined;
  const text = bytes.toString('latin1', 0, length).replace(/^[ \t-\r]+/, '');
  return DECIMAL.test(text) ? Number(text) : parseDouble(Buffer.from(text, 'latin1'));
}

function finite(value: number, hasDigits: boolean): number | undefined {
  if (!Number.isFinite(value) || (value === 0 && hasDigits)) return undefined;
  return value;
}

function hexadecimal([, sign, whole = '', fraction = '', power = '0']: RegExpExecArray): number | undefined {
  const digits = `${whole}${fraction}`;
  if (digits === '') return undefined;
  const mantissa = Number(BigInt(`0x${digits}`));
  const value = mantissa * 2 ** (Number(power) - 4 * fraction.length);
  return finite(sign === '-' ? -value : value, mantissa !== 0);
}

/** Seventeen significant digits, without zeros at the end; with an exponent when it is below -4 or above 16. */
export function formatDouble(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return Object.is(value, -0) ? '-0' : String(value);
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const { digits, exponent } = roundedDigits(Math.abs(value));
  const sign = value < 0 ? '-' : '';
  if (exponent < -4 || exponent > 16) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}

/** Seventeen digits without zeros at the end; a tie goes to the even digit, unlike `toExponential`. */
function roundedDigits(value: number): { digits: string; exponent: number } {
  const [mantissa = '', power = '0'] = value.toExponential(16).split('e');
  let digits = mantissa.replace('.', '');
  const [exact = ''] = value.toExponential(45).split('e');
  const all = exact.replace('.', '');
  const isTie = /^50*$/.test(all.slice(17));
  if (isTie && Number(all[16]) % 2 === 0) digits = all.slice(0, 17);
  return { digits: digits.replace(/0+$/, ''), exponent: Number(power) };
}
