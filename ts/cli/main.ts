/**
 * Runs one command line in this process: parses, calls the verb, turns its end into an exit code. The verbs are
 * declared in program.ts and live in files of their own.
 *
 * Invariant: every way a verb can end passes through `runCommandLine`, so that no error is printed twice or not at all.
 */
import { CommanderError } from 'commander';
import { MillraceError } from '../errors.ts';
import { CliError, ExitCode, type ExitCodeNumber } from './exit.ts';
import { runProgram } from './program.ts';
import { isBrokenPipe, type Terminal, tell } from './terminal.ts';

/** Runs `argv` (without node and script) on this process's streams and sets its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', (error) => {
    // The reader has gone: nothing that is still to come would be seen. Any other failure of stdout must be heard.
    if (!isBrokenPipe(error)) process.stderr.write(`millrace: stdout: ${error.message}\n`);
    process.exit(isBrokenPipe(error) ? ExitCode.ok : ExitCode.failure);
  });
  process.exitCode = await runCommandLine(argv, process);
}

/** Runs `argv` on `terminal` and resolves with the exit code; never rejects for anything a user can cause. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<ExitCodeNumber> {
  try {
    return await runProgram(argv, terminal);
  } catch (error) {
    const code = explain(error, terminal);
    // To who asks a probe, what could not be asked is unknown: 2 would be critical.
    return argv[0] === 'check' && code === ExitCode.usage ? ExitCode.notFound : code;
  }
}

/** What went wrong first: what cleaning up met after it is a consequence, such as a server that has gone. */
function firstError(error: unknown): unknown {
  let first = error;
  while (first instanceof Error && first.name === 'SuppressedError' && 'suppressed' in first) first = first.suppressed;
  return first;
}

function explain(thrown: unknown, terminal: Terminal): ExitCodeNumber {
  const error = firstError(thrown);
  if (isBrokenPipe(error)) return ExitCode.ok;
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  if (error instanceof CliError) {
    tell(terminal, `millrace: ${error.message}`);
    return error.exitCode;
  }
  if (error instanceof MillraceError) {
    tell(terminal, `millrace: ${error.message}`);
    return exitCodeOf(error);
  }
  tell(terminal, `millrace: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return ExitCode.failure;
}

/** What a library error means to a script. */
function exitCodeOf(error: MillraceError): ExitCodeNumber {
  switch (error.code) {
    case 'MILLRACE_OPTION':
    case 'MILLRACE_ARGUMENT':
    case 'MILLRACE_INVALID_TOPIC':
    case 'MILLRACE_FOREIGN_FILE':
      return ExitCode.usage;
    case 'MILLRACE_UNKNOWN_TOPIC':
    case 'MILLRACE_UNKNOWN_PARTITION':
      return ExitCode.notFound;
    case 'MILLRACE_DAMAGED':
      return ExitCode.damaged;
    case 'MILLRACE_ABORTED':
      return ExitCode.interrupted;
    default:
      return ExitCode.failure;
  }
}
