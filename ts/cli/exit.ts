/**
 * How a command ends: the exit codes scripts rely on, and the error that carries one together with its one line.
 * Printing and leaving happen in main.ts only.
 *
 * Invariant: these numbers are public (semver): a code is never given another meaning. `check` alone has a probe's own.
 */

/** Exit codes of every verb. `interrupted` is 128 + SIGINT, `timeout` is that of timeout(1). */
export const ExitCode = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  damaged: 4,
  degraded: 5,
  timeout: 124,
  interrupted: 130,
} as const;

export type ExitCodeNumber = (typeof ExitCode)[keyof typeof ExitCode];

/** An expected end of a command. `message` is one line for a person, without the program's name. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCodeNumber;

  constructor(exitCode: ExitCodeNumber, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The error of a wrong argument: exit code 2. */
export function usage(message: string, options?: ErrorOptions): CliError {
  return new CliError(ExitCode.usage, message, options);
}
