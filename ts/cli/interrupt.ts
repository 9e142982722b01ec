/**
 * Ctrl-C and SIGTERM: the first asks a verb to drain and end, the second ends the process at once.
 *
 * Invariant: the handlers are gone when the verb has ended, so that a library user's own are never shadowed.
 */
import { ExitCode } from './exit.ts';

/** A running watch for signals. `signal` is aborted by the first one; its reason is the signal's name. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

/** Starts watching. The second signal exits with 130. */
export function watchInterrupt(): Interrupt {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(ExitCode.interrupted);
    controller.abort(name);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
