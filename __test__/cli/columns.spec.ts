/** Promises of the tables people see. */
import { expect, it } from 'vitest';
import { printable, renderColumns } from '../../ts/cli/columns.ts';

it('columns are aligned, numbers to the right, and no line ends in spaces', () => {
  const table = renderColumns({
    headings: ['NAME', 'PARTITIONS', 'NOTE'],
    rows: [
      ['orders', 4, ''],
      ['a', 12, 'new'],
    ],
  });
  expect(table).toBe('NAME    PARTITIONS  NOTE\norders           4\na               12  new\n');
});

it('a table without rows is its headings', () => {
  expect(renderColumns({ headings: ['A', 'B'], rows: [] })).toBe('A  B\n');
});

it('control characters are shown as escapes, so a key cannot move the cursor', () => {
  expect(printable('a\u001b[2Jb\n')).toBe('a\\x1b[2Jb\\x0a');
  expect(renderColumns({ headings: ['K'], rows: [['\u0007']] })).toBe('K\n\\x07\n');
});
