/**
 * `millrace config diff`: how what `serve` would decide differs between two settings files.
 *
 * Not a comparison of texts: two files that come to the same have no differences. Invariant: flags and environment are left
 * out on both sides, so the answer is the same wherever it is asked.
 */
import { describeFlush } from '../durability.ts';
import { settingsTable } from '../serve.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { type Form, print } from './report.ts';
import { decideServe, describeSettings } from './serve-settings.ts';
import type { Terminal } from './terminal.ts';

/** One setting that differs; undefined where it is left at its default. */
interface Difference {
  readonly name: string;
  readonly file: string | undefined;
  readonly other: string | undefined;
}

/** Prints the settings that differ. Answers 0 when there are none, 1 when there are, as `diff` does. */
export async function diffConfig(file: string, other: string, form: Form, terminal: Terminal): Promise<ExitCodeNumber> {
  const differences = differencesBetween(decided(file), decided(other));
  const rows = differences.map(({ name, file: left, other: right }) => [name, left ?? 'default', right ?? 'default']);
  await print(terminal, form, { headings: ['NAME', file, other], rows }, differences);
  return differences.length === 0 ? ExitCode.ok : ExitCode.failure;
}

function decided(config: string): ReadonlyMap<string, string> {
  const settings = decideServe({ config }, {}, settingsTable);
  return new Map(describeSettings(settings, describeFlush(settings.flush)));
}

function differencesBetween(file: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): Difference[] {
  const names = [...new Set([...file.keys(), ...other.keys()])];
  return names
    .map((name) => ({ name, file: file.get(name), other: other.get(name) }))
    .filter((one) => one.file !== one.other);
}
