/**
 * `millrace verify DIR`: looks at a data directory that nobody has open and says what does not verify. Changes nothing.
 *
 * Invariant: damage ends with exit code 4, something that can be built again with 5, and never with 0.
 */
import { type Finding, type Verification, verifyDirectory } from '../verify.ts';
import { assertDirectory } from './data-directory.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { watchInterrupt } from './interrupt.ts';
import { Progress } from './progress.ts';
import { DataOutput, type Terminal } from './terminal.ts';

export interface VerifyCommand {
  readonly deep: boolean;
  readonly json: boolean;
  readonly progress: boolean;
}

/** Verifies `dir` and prints what was found to stdout, the sum to stderr; as JSON, both to stdout. */
export async function verify(dir: string, options: VerifyCommand, terminal: Terminal): Promise<ExitCodeNumber> {
  assertDirectory(dir);
  using interrupt = watchInterrupt();
  let text = 'looking at the journal';
  let found: Verification;
  {
    using _progress = new Progress(terminal, () => text, options.progress);
    found = await verifyDirectory(dir, {
      deep: options.deep,
      signal: interrupt.signal,
      onProgress: (bytes, total) => {
        text = `${megabytes(bytes)} of about ${megabytes(total)} MB verified`;
      },
    });
  }
  const { findings, ...summary } = found;
  const output = new DataOutput(terminal.stdout);
  const lines = options.json
    ? [...findings, { kind: 'summary', ...summary }].map((one) => JSON.stringify(one))
    : findings.map(textLine);
  if (lines.length > 0) await output.text(`${lines.join('\n')}\n`);
  if (!options.json) terminal.stderr.write(`${sentence(found, options.deep)}\n`);
  return exitCodeOf(found);
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
  if (derivable > 0) return `${looked}: no data is damaged; millrace repair --apply builds ${derivable} files anew`;
  return `${looked}: everything verifies${deep ? '' : '; --deep reads every byte'}`;
}

/** What was counted is in segments; what was not settled yet is verified as frames, whose batches nobody counts. */
function settled(batches: number, records: number): string {
  const rest = 'what is not settled yet is in the journal, whose frames were verified';
  return batches === 0 ? `, no batches in segments (${rest})` : `, ${batches} batches, ${records} records in segments`;
}
