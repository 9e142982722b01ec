/**
 * Ends a wait when a signal fires.
 *
 * Not what is waited for: that goes on. To remember: the listener is taken off again, whatever comes first.
 */

import { abortedError } from '../errors.ts';

/** `promise`, or MILLRACE_ABORTED when `signal` fires before it settles. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(abortedError(signal));
    signal.addEventListener('abort', abort, { once: true });
    promise.finally(() => signal.removeEventListener('abort', abort)).then(resolve, reject);
  });
}
