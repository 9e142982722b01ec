/**
 * The column printer: rows of text as an aligned table for people. Not for machines: those get JSON.
 *
 * Invariant: no line ends in spaces, and a cell's text is never cut.
 */

/** A table: one heading per column and rows of as many cells. Numbers and bigints are aligned to the right. */
export interface Table {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly (string | number | bigint)[])[];
}

/**
 * Renders `table` with two spaces between columns, one line a row, each ended by a newline. A control character in a
 * cell is shown as an escape, so that a record's key cannot move the cursor of a terminal.
 */
export function renderColumns(table: Table): string {
  const cells = [table.headings, ...table.rows.map((row) => row.map(cellText))];
  const widths = table.headings.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const toRight = table.headings.map((_, column) => {
    return table.rows.length > 0 && table.rows.every((row) => typeof row[column] !== 'string');
  });
  return cells
    .map((row) => {
      const padded = row.map((text, column) => {
        const width = widths[column] ?? 0;
        return toRight[column] ? text.padStart(width) : text.padEnd(width);
      });
      return `${padded.join('  ').trimEnd()}\n`;
    })
    .join('');
}

function cellText(value: string | number | bigint): string {
  return typeof value === 'string' ? printable(value) : String(value);
}

/** `text` with control characters written as `\xNN`: safe to show on a terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
