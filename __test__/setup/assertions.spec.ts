// Assertions that releases keep, counted over the crates of storage: how many lines of code there are to one of them (goal G12).
// What it is not: a judgement of what they say. A proven invariant (`expect` with its reason, `unreachable!`) is one; a
// `debug_assert!`, a test and a check whose failure is answered with an error are none.
// The invariant: there are not fewer to a line than there have been. `npx vitest run __test__/setup/assertions.spec.ts`
// prints the figures.

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const core = ['io', 'journal', 'log', 'kv', 'engine'];
/** Lines of code to one assertion, at most. It goes down as assertions are added; the goal is 40. */
const linesMax = 150;

interface Count {
  lines: number;
  assertions: number;
}

/** Of one source, without its tests, comments and empty lines. */
function countOf(text: string): Count {
  const [code = ''] = text.split(/^#\[cfg\(test\)\]\nmod \w+ \{/m);
  const lines = code.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('//'));
  const kept = /(?<![\w])(assert(_eq|_ne)?|unreachable|panic)!|\.expect\(/g;
  return { lines: lines.length, assertions: lines.join('\n').match(kept)?.length ?? 0 };
}

function countOfCrate(name: string): Count {
  const folder = join(root, 'crates', name, 'src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.rs') && !/(^|[/_])tests?(\/|\.rs$)/.test(path))
    .map((path) => countOf(readFileSync(join(folder, path), 'utf8')));
  return files.reduce(sum, { lines: 0, assertions: 0 });
}

function sum(one: Count, other: Count): Count {
  return { lines: one.lines + other.lines, assertions: one.assertions + other.assertions };
}

describe('assertions that releases keep', () => {
  it('are no fewer to a line of storage than before', () => {
    const counts = core.map((name) => ({ name, ...countOfCrate(name) }));
    const all = counts.reduce(sum, { lines: 0, assertions: 0 });
    for (const { name, lines, assertions } of [...counts, { name: 'all', ...all }]) {
      console.log(`${name}: ${assertions} in ${lines} lines of code, one in ${Math.round(lines / assertions)}`);
    }
    expect(all.lines / all.assertions).toBeLessThanOrEqual(linesMax);
  });

  it('are told from what releases leave out', () => {
    const source = [
      'fn one() { assert!(a); assert_eq!(a, b); }',
      '// assert!(a comment)',
      'fn two() { debug_assert!(a); debug_assert_eq!(a, b); }',
      'fn three() { let a = b.expect("the reason"); unreachable!("so") }',
      '#[cfg(test)]',
      'mod tests {',
      '  fn four() { assert!(a) }',
      '}',
    ].join('\n');
    expect(countOf(source)).toEqual({ lines: 3, assertions: 4 });
  });
});
