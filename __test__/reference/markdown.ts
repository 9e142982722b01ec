/** Text and tables of pages that are written from tables of the sources. Not a renderer: cells are text, not Markdown. */

/** A table; cells are escaped where they would end a cell or begin a tag. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map((row) => line(row.map(cell)))].join('\n');
}

/** `text` as code, or nothing for nothing. */
export function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

function cell(text: string): string {
  const oneLine = text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  // Between backticks everything stands for itself.
  return oneLine.replaceAll(/`[^`]*`|<(?=[a-z])/g, (found) => (found === '<' ? '&lt;' : found));
}
