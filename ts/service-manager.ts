/**
 * Tells the service manager (systemd, `Type=notify`) how the service stands.
 *
 * Not needed anywhere else: without NOTIFY_SOCKET nothing is sent. To remember: a manager that cannot be told is no reason
 * to stop serving; it will find out by its own time-out.
 */

import { loadNative } from './io/native.ts';

interface NotifyBinding {
  /** Sends one datagram to a unix socket: a path, or an abstract name behind `@`. */
  notifyService(address: string, message: string): void;
}

/** One service as its manager sees it. */
export interface ServiceManager extends Disposable {
  /** Clients are served; `status` is one line for people. */
  ready(status: string): void;
  /** The end has begun. */
  stopping(): void;
}

const MICROSECONDS_PER_MS = 1000;
/** Pings in each period the watchdog waits: systemd's own advice. */
const PINGS_PER_PERIOD = 2;

/** The manager that `env` names, or one that does nothing. With WATCHDOG_USEC it is pinged until disposed of. */
export function serviceManager(env: NodeJS.ProcessEnv): ServiceManager {
  const address = env.NOTIFY_SOCKET;
  const send = (...lines: string[]): void => {
    if (address === undefined || address === '') return;
    try {
      (loadNative() as unknown as NotifyBinding).notifyService(address, lines.join('\n'));
    } catch {
      // The manager has gone, or its socket is not ours to write to: nothing that serving depends on.
    }
  };
  let watchdog: NodeJS.Timeout | undefined;
  return {
    ready(status) {
      send('READY=1', `STATUS=${status}`, `MAINPID=${process.pid}`);
      const microseconds = Number(env.WATCHDOG_USEC);
      if (!(microseconds > 0)) return;
      const everyMs = microseconds / MICROSECONDS_PER_MS / PINGS_PER_PERIOD;
      watchdog = setInterval(() => send('WATCHDOG=1'), everyMs).unref();
    },
    stopping: () => send('STOPPING=1'),
    [Symbol.dispose]: () => clearInterval(watchdog),
  };
}
