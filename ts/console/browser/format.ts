/**
 * Numbers, bytes, times and places as people read them. Short forms only: the exact value belongs in a title.
 *
 * To remember: nothing here rounds a value to nothing; what is not known is a dash.
 */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
export const DASH = '–';

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  let unit = 0;
  let size = value;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(size) : digits(size)} ${UNITS[unit]}`;
}

function digits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? DASH : Math.round(value).toLocaleString('en');
}

/** A rate: small ones with a digit, large ones shortened. */
export function rate(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  if (value >= 1e6) return `${digits(value / 1e6)}M`;
  if (value >= 1e4) return `${digits(value / 1e3)}k`;
  if (value >= 10 || value === 0) return count(value);
  return value.toFixed(1);
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  if (value >= 1000) return `${digits(value / 1000)} s`;
  if (value >= 1) return `${digits(value)} ms`;
  return `${Math.round(value * 1000)} µs`;
}

export function duration(seconds: number): string {
  const parts: string[] = [];
  let left = Math.floor(seconds);
  for (const [name, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const amount = Math.floor(left / size);
    left -= amount * size;
    if (amount > 0) parts.push(`${amount} ${name}`);
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

/** A point in time; empty for none. */
export function moment(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return DASH;
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return DASH;
  const two = (value: number, width = 2): string => String(value).padStart(width, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${two(date.getMilliseconds(), 3)}`;
}

/** How long ago, in words. */
export function ago(ms: number, now: number = Date.now()): string {
  const seconds = Math.max(0, (now - ms) / 1000);
  return seconds < 1 ? 'now' : `${duration(seconds)} ago`;
}

/** A retention as Kafka writes it: -1 is for ever. */
export function retention(ms: string, limit: string): string {
  const parts = [
    ...(Number(ms) < 0 || ms === '' ? [] : [duration(Number(ms) / 1000)]),
    ...(Number(limit) < 0 || limit === '' ? [] : [bytes(Number(limit))]),
  ];
  return parts.length === 0 ? 'for ever' : parts.join(', ');
}

export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}
