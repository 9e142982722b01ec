/**
 * `millrace backup --dir D --to T`: copies a data directory as of one mark. With `--redis` the server that has it open does.
 *
 * Invariant: a directory is opened for it, so nobody else serves it meanwhile; a program that has it open copies it with
 * `log.backup` or `kv.backup` instead.
 */
import { type BackupResult, openLog } from '../index.ts';
import { backupServer } from './backup-server.ts';
import { assertDirectory } from './data-directory.ts';
import { ExitCode, type ExitCodeNumber, usage } from './exit.ts';
import { watchInterrupt } from './interrupt.ts';
import type { Address } from './options.ts';
import { Progress } from './progress.ts';
import { DataOutput, type Terminal } from './terminal.ts';

export interface BackupCommand {
  readonly dir: string | undefined;
  /** A server to be asked instead. */
  readonly redis: Address | undefined;
  readonly to: string;
  readonly copy: boolean;
  readonly json: boolean;
  readonly progress: boolean;
}

/** Copies the directory and says what the copy holds: to stderr, as JSON to stdout. */
export async function backup(command: BackupCommand, terminal: Terminal): Promise<ExitCodeNumber> {
  const { dir, redis } = command;
  if ((dir === undefined) === (redis === undefined)) {
    throw usage('give either --dir, of a directory that nobody serves, or --redis, of the server that does');
  }
  const result = await (redis === undefined ? ofDirectory(dir ?? '', command, terminal) : ofServer(redis, command));
  if (command.json) await new DataOutput(terminal.stdout).text(`${JSON.stringify(result)}\n`);
  else terminal.stderr.write(`${sentence(result)}\n`);
  return ExitCode.ok;
}

async function ofDirectory(dir: string, command: BackupCommand, terminal: Terminal): Promise<BackupResult> {
  assertDirectory(dir);
  using interrupt = watchInterrupt();
  await using log = await openLog(dir);
  let text = 'settling what only the journal has';
  using _progress = new Progress(terminal, () => text, command.progress);
  return await log.backup(command.to, {
    copy: command.copy,
    signal: interrupt.signal,
    onProgress: (bytes, total) => {
      text = `${megabytes(bytes)} of ${megabytes(total)} MB`;
    },
  });
}

async function ofServer(redis: Address, { to, copy }: BackupCommand): Promise<BackupResult> {
  using interrupt = watchInterrupt();
  const password = process.env.MILLRACE_REDIS_PASSWORD;
  return await backupServer(redis, to, { copy, signal: interrupt.signal, password });
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function sentence({ mark, files, bytes, linkedBytes }: BackupResult): string {
  const shared = linkedBytes > 0 ? `, ${megabytes(linkedBytes)} MB of them shared with the original` : '';
  return `everything up to LSN ${mark}: ${files} files, ${megabytes(bytes)} MB${shared}`;
}
