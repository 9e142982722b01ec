/**
 * `millrace backup --dir D --to T`: copies a data directory as of one mark.
 *
 * Invariant: the directory is opened for it, so nobody else serves it meanwhile; a program that has it open copies it with
 * `log.backup` or `kv.backup` instead.
 */
import { type BackupResult, openLog } from '../index.ts';
import { assertDirectory } from './data-directory.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { watchInterrupt } from './interrupt.ts';
import { Progress } from './progress.ts';
import { DataOutput, type Terminal } from './terminal.ts';

export interface BackupCommand {
  readonly dir: string;
  readonly to: string;
  readonly copy: boolean;
  readonly json: boolean;
  readonly progress: boolean;
}

/** Copies the directory and says what the copy holds: to stderr, as JSON to stdout. */
export async function backup(command: BackupCommand, terminal: Terminal): Promise<ExitCodeNumber> {
  assertDirectory(command.dir);
  using interrupt = watchInterrupt();
  await using log = await openLog(command.dir);
  let text = 'settling what only the journal has';
  using _progress = new Progress(terminal, () => text, command.progress);
  const result = await log.backup(command.to, {
    copy: command.copy,
    signal: interrupt.signal,
    onProgress: (bytes, total) => {
      text = `${megabytes(bytes)} of ${megabytes(total)} MB`;
    },
  });
  if (command.json) await new DataOutput(terminal.stdout).text(`${JSON.stringify(result)}\n`);
  else terminal.stderr.write(`${sentence(result)}\n`);
  return ExitCode.ok;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function sentence({ mark, files, bytes, linkedBytes }: BackupResult): string {
  const shared = linkedBytes > 0 ? `, ${megabytes(linkedBytes)} MB of them shared with the original` : '';
  return `everything up to LSN ${mark}: ${files} files, ${megabytes(bytes)} MB${shared}`;
}
