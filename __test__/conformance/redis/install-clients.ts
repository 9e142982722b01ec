/**
 * The clients of Redis that package-lock.json beside this file pins.
 *
 * Not dependencies of Millrace: nobody who installs it, or works on it, gets them. To remember: what is installed is what
 * the lock file says.
 */
import { installPinned } from '../../support/pinned-packages.ts';

/** Installs what is not there yet; answers a path that `createRequire` takes. Rejects with what npm complained of. */
export function installClients(): Promise<string> {
  return installPinned(import.meta.dirname, 'redis-clients');
}
