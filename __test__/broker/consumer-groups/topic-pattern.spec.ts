/** Patterns of topic names: what they match, what is refused, and that matching is linear. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileTopicPattern } from '../../../ts/broker/consumer-groups/topic-pattern.ts';

describe('a topic pattern', () => {
  it.each([
    ['orders', 'orders', 'orders-1'],
    ['orders.*', 'orders-eu', 'my-orders'],
    ['(a|b)+-\\d{2,3}', 'ab-123', 'ab-1'],
    ['^[a-c_]*\\.x$', 'ab_c.x', 'abdc.x'],
    ['[^.]+', 'plain', 'with.dot'],
    ['\\w+\\.(?:eu|us)', 'a_1.us', 'a-1.us'],
    ['x{0,2}y?', 'xx', 'xxx'],
    ['(|a)b', 'b', 'aab'],
  ])('%s matches %s and not %s', (pattern, yes, no) => {
    const matches = compileTopicPattern(pattern);
    expect([matches(yes), matches(no)]).toEqual([true, false]);
  });

  it.each([
    '(',
    ')',
    '[a',
    '*',
    'a{3,2}',
    'a{5000}',
    '(?=a)',
    'a^b',
    '\\q',
    'x'.repeat(2000),
    '((a{99}){99}){99}',
    '\\',
  ])('refuses %s', (pattern) => {
    expect(() => compileTopicPattern(pattern)).toThrow(SyntaxError);
  });

  it('says what the language of JavaScript says, wherever both know the pattern', () => {
    const piece = fc.constantFrom('a', 'b', '.', 'a*', 'b+', '(a|b)', '[ab]', '(ab)?', 'b{1,2}', '(a|)*');
    const name = fc.array(fc.constantFrom('a', 'b'), { maxLength: 8 }).map((letters) => letters.join(''));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), name, (pieces, text) => {
        const pattern = pieces.join('');
        expect(compileTopicPattern(pattern)(text)).toBe(new RegExp(`^(?:${pattern})$`).test(text));
      }),
      { seed: 848, numRuns: 2000 },
    );
  });

  it('is matched in linear time, where others go back and forth without end', () => {
    const matches = compileTopicPattern('(a*)*(a*)*b');
    const began = process.cpuUsage();
    expect(matches('a'.repeat(249))).toBe(false);
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(500);
  });
});
