/**
 * How client verbs print: a table for people or one line of JSON, and the outcome of a change to several things at once.
 *
 * Invariant: with several things every one is reported; the exit code is that of the first that failed.
 */
import { renderColumns, type Table } from './columns.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { errorName, exitCodeOfKafka } from './kafka-names.ts';
import { DataOutput, type Terminal } from './terminal.ts';

/** From `--format`. */
export interface Form {
  readonly format: 'text' | 'json' | 'wide';
}

/** Prints `table`, with the columns of `wide` behind its own when those are asked for, or `data` as one line of JSON. */
export async function print(
  terminal: Terminal,
  options: Form,
  table: Table,
  data: unknown,
  wide?: Table,
): Promise<void> {
  const shown = options.format === 'wide' && wide !== undefined ? beside(table, wide) : table;
  const text = options.format === 'json' ? `${JSON.stringify(data)}\n` : renderColumns(shown);
  await new DataOutput(terminal.stdout).text(text);
}

/** Two tables with as many rows as one. */
export function beside(left: Table, right: Table): Table {
  return {
    headings: [...left.headings, ...right.headings],
    rows: left.rows.map((row, index) => [...row, ...(right.rows[index] ?? [])]),
  };
}

/** What became of the change to one thing. `errorCode` is Kafka's. */
export interface Change {
  readonly name: string;
  readonly errorCode: number;
  readonly status: string;
}

/** Name of an error code with the server's own words behind it, where it has any. */
export function statusText(errorCode: number, message: string | null = null): string {
  return message === null || message === '' || errorCode === 0
    ? errorName(errorCode)
    : `${errorName(errorCode)}: ${message}`;
}

/** Prints what became of each; `kind` heads the column of names, such as `topic`. Resolves with the exit code. */
export async function reportChanges(
  kind: string,
  changes: readonly Change[],
  options: Form,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const table = { headings: [kind.toUpperCase(), 'STATUS'], rows: changes.map((one) => [one.name, one.status]) };
  const data = changes.map(({ name, errorCode, status }) => ({ [kind]: name, errorCode, status }));
  await print(terminal, options, table, data);
  const failed = changes.find((change) => change.errorCode !== 0);
  return failed === undefined ? ExitCode.ok : exitCodeOfKafka(failed.errorCode);
}
