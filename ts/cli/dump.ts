/**
 * `millrace dump FILE`: what a journal, segment, index, data, hint or manifest file holds, one JSON object a line or as text. It
 * reads one file and needs no server; the decoding is the engine's own.
 *
 * Invariant: a damaged entry is shown and counted (exit code 4), never skipped.
 */
import { statSync } from 'node:fs';
import { dumpFile } from '../tools.ts';
import { printable } from './columns.ts';
import { CliError, ExitCode, type ExitCodeNumber } from './exit.ts';
import { DataOutput, type Terminal } from './terminal.ts';

export interface DumpOptions {
  readonly json: boolean;
  /** With the bytes of payloads. */
  readonly printData: boolean;
  /** First and last entry shown, counted from 0; `to` is exclusive. */
  readonly from: number;
  readonly to: number;
}

/** Dumps `file` to stdout. */
export async function dump(file: string, options: DumpOptions, terminal: Terminal): Promise<ExitCodeNumber> {
  const status = statSync(file, { throwIfNoEntry: false });
  if (status === undefined) throw new CliError(ExitCode.notFound, `${file}: no such file`);
  if (!status.isFile()) throw new CliError(ExitCode.usage, `${file} is not a file: name one of the files inside`);
  const output = new DataOutput(terminal.stdout);
  const lines = dumpFile(file, options.to, options.printData).slice(options.from);
  let damaged = false;
  for (const line of lines) {
    const entry = JSON.parse(line) as Record<string, unknown>;
    damaged ||= isDamage(entry);
    if (output.add([Buffer.from(`${options.json ? line : textLine(entry)}\n`)])) await output.flush();
  }
  await output.flush();
  return damaged ? ExitCode.damaged : ExitCode.ok;
}

/** What does not verify in a file that is looked at by itself. Throws as `dump` does. */
export function damageIn(file: string): {
  readonly bytes: number;
  readonly entries: readonly Record<string, unknown>[];
  readonly damaged: readonly { readonly position: number; readonly detail: string }[];
} {
  const entries = dumpFile(file, Number.MAX_SAFE_INTEGER, false).map((line) => JSON.parse(line));
  const damaged = entries.filter(isDamage).map(({ position, damage }) => {
    return { position: typeof position === 'number' ? position : 0, detail: String(damage) };
  });
  return { bytes: statSync(file).size, entries, damaged };
}

function isDamage(entry: Record<string, unknown>): boolean {
  return entry.damage !== undefined && entry.damage !== null && entry.damage !== false;
}

/** `kind key=value key=value`: readable, greppable, one line. */
function textLine(entry: Record<string, unknown>): string {
  const parts = Object.entries(entry).map(([key, value]) => {
    const text = typeof value === 'string' ? printable(value) : JSON.stringify(value);
    return key === 'kind' ? text : `${key}=${text}`;
  });
  return parts.join(' ');
}
