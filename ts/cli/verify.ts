/**
 * `millrace verify DIR|FILE`: looks at a data directory that nobody has open, or at one file of it, and says what does not
 * verify. A file that lies in no data directory is decoded by itself. Changes nothing.
 *
 * Invariant: damage ends with exit code 4, something that can be built again with 5, and never with 0.
 */
import { type Finding, type Verification, verifyDirectory } from '../verify.ts';
import { placeOf } from './data-directory.ts';
import { damageIn } from './dump.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { watchInterrupt } from './interrupt.ts';
import { Progress } from './progress.ts';
import { DataOutput, type Terminal } from './terminal.ts';

export interface VerifyCommand {
  readonly deep: boolean;
  readonly json: boolean;
  readonly progress: boolean;
}

/** Verifies what is at `path` and prints what was found to stdout, the sum to stderr; as JSON, both to stdout. */
export async function verify(path: string, options: VerifyCommand, terminal: Terminal): Promise<ExitCodeNumber> {
  const { dir, file } = placeOf(path);
  const found = dir === undefined ? verifyAlone(path) : await verifyIn(dir, file, options, terminal);
  const { findings, ...summary } = found;
  const output = new DataOutput(terminal.stdout);
  const lines = options.json
    ? [...findings, { kind: 'summary', ...summary }].map((one) => JSON.stringify(one))
    : findings.map(textLine);
  if (lines.length > 0) await output.text(`${lines.join('\n')}\n`);
  if (!options.json) terminal.stderr.write(`${sentence(found, options.deep || dir === undefined)}\n`);
  return exitCodeOf(found);
}

async function verifyIn(
  dir: string,
  file: string | undefined,
  options: VerifyCommand,
  terminal: Terminal,
): Promise<Verification> {
  using interrupt = watchInterrupt();
  let text = 'looking at the journal';
  using _progress = new Progress(terminal, () => text, options.progress);
  return await verifyDirectory(dir, {
    deep: options.deep,
    ...(file === undefined ? {} : { file }),
    signal: interrupt.signal,
    onProgress: (bytes, total) => {
      text = `${megabytes(bytes)} of about ${megabytes(total)} MB verified`;
    },
  });
}

/** Of a file that was copied to somewhere: what its own marks and checksums say. */
function verifyAlone(file: string): Verification {
  const { bytes, entries, damaged } = damageIn(file);
  const findings = damaged.map(({ position, detail }) => ({ kind: 'damage' as const, file, position, detail }));
  const batches = entries.filter(({ kind }) => kind === 'batch');
  const records = batches.reduce((sum, { count }) => sum + (typeof count === 'number' ? count : 0), 0);
  const sums = { files: 1, bytes, batches: batches.length, records };
  return { ...sums, damage: findings.length, derivable: 0, notes: 0, findings };
}

/** By the worst that was found. */
export function exitCodeOf(found: { readonly damage: number; readonly derivable: number }): ExitCodeNumber {
  if (found.damage > 0) return ExitCode.damaged;
  return found.derivable > 0 ? ExitCode.degraded : ExitCode.ok;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

const words = { damage: 'DAMAGE', derivable: 'REBUILD', note: 'NOTE' } as const;

function textLine({ kind, file, position, detail }: Finding): string {
  return `${words[kind]} ${file} at position ${position}: ${detail}`;
}

function sentence(found: Verification, deep: boolean): string {
  const { files, bytes, batches, records, damage, derivable } = found;
  const looked = `${files} files, ${megabytes(bytes)} MB${deep ? settled(batches, records) : ''}`;
  if (damage > 0) return `${looked}: ${damage} damaged places; the rest is served. millrace repair says what to do`;
  if (derivable > 0) return `${looked}: no data is damaged; millrace repair --execute builds ${derivable} files anew`;
  return `${looked}: everything verifies${deep ? '' : '; --deep reads every byte'}`;
}

/** What was counted is in segments; what was not settled yet is verified as frames, whose batches nobody counts. */
function settled(batches: number, records: number): string {
  const rest = 'what is not settled yet is in the journal, whose frames were verified';
  return batches === 0 ? `, no batches in segments (${rest})` : `, ${batches} batches, ${records} records in segments`;
}
