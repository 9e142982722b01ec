/** Promises of the filter: words are joined by "and", and each is looked for where it says. */
import { describe, expect, it } from 'vitest';
import { parseFilter } from '../../ts/console/record-filter.ts';

const record = {
  partition: 0,
  offset: 0n,
  timestamp: 0,
  key: Buffer.from('customer-7'),
  value: Buffer.from('{"state":"Paid","note":"two words"}'),
  headers: [
    ['trace', Buffer.from('t-17')],
    ['empty', null],
  ] as [string, Buffer | null][],
};

const takes = (text: string): boolean => parseFilter(text)?.(record) ?? true;

describe('a filter', () => {
  it.each([
    ['', true],
    ['paid', true],
    ['Paid', true],
    ['PAID', false],
    ['paid customer', true],
    ['paid refund', false],
    ['"two words"', true],
    ['"two  words"', false],
    ['key:customer', true],
    ['key:paid', false],
    ['value:paid', true],
    ['value:customer', false],
    ['t-17', true],
    ['header:trace', true],
    ['header:empty', true],
    ['header:trace=t-17', true],
    ['header:trace=t-18', false],
    ['header:other', false],
    ['-refund', true],
    ['-paid', false],
    ['-key:customer paid', false],
    ['-header:other', true],
  ])('%s: %s', (text, expected) => {
    expect(takes(text)).toBe(expected);
  });

  it('looks into records without key and value as well', () => {
    const bare = { ...record, key: null, value: null, headers: [] };
    expect(parseFilter('paid')?.(bare)).toBe(false);
    expect(parseFilter('-paid')?.(bare)).toBe(true);
  });

  it('of more words than anybody types is cut short', () => {
    const many = Array.from({ length: 1000 }, () => 'paid').join(' ');
    expect(takes(`${many} refund`)).toBe(true);
  });
});
