/** What random commands are made of: few keys, so that they meet, and values right and wrong. */
import type { Random } from '../../support/random.ts';

/** How replies of a command are compared. */
export type Comparison = 'bytes' | 'unordered' | 'near' | 'kind';

export interface RandomCommand {
  readonly args: readonly string[];
  readonly comparison: Comparison;
}

const keys = ['a', 'b', 'c', 'key:4', 'key:5', '', '\x00\xff', 'h1', 'h2', 's1', 'z1', 'l1'];

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.between(0, from.length - 1)] as T;
}

export const key = (random: Random): string => pick(random, keys);

export function value(random: Random): string {
  switch (random.between(0, 6)) {
    case 0:
      return String(random.between(-1000, 1000));
    case 1:
      return pick(random, [
        '9223372036854775807',
        '-9223372036854775808',
        '9223372036854775808',
        '3.25',
        '-0.5',
        '1e2',
      ]);
    case 2:
      return pick(random, ['', ' 1', '1 ', '+1', '01', '-0', 'abc', '\r\n', '\x00\x01\xff', 'nan', 'inf']);
    case 3:
      return 'x'.repeat(random.between(1, 60));
    default:
      return `v${random.between(0, 20)}`;
  }
}

export const small = (random: Random): string => String(random.between(-12, 12));
