/**
 * Decides what carries connections, in one place, and says which and why: sockets in a ring, or those of Node.
 *
 * To remember: `auto` never fails because of the ring, and a forced ring that is not to be had fails with its reason.
 */

import { MillraceError } from '../errors.ts';
import type { DriverReport, NativeNet, NativeNetOptions } from '../io/native-types.ts';
import { RingNet } from './ring-net.ts';

/** What may be asked for. */
export type SocketsChoice = 'auto' | 'ring' | 'node';

/** What it came to. */
export interface SocketsReport {
  readonly sockets: 'ring' | 'node';
  readonly reason: string;
}

/** An engine that can lend its leases to sockets. */
export interface SocketsEngine {
  readonly driver: DriverReport;
  openSockets(options: NativeNetOptions, wake: () => void): NativeNet;
}

export const socketsChoices: readonly SocketsChoice[] = ['auto', 'ring', 'node'];

/** Small, because a request that ends in its slot occupies all of it until it is answered. */
const SLOT_BYTES = 16 * 1024;
const SLOTS = 1024;
/** Requests that are still arriving, or not answered, over all connections. */
const GATHER_BYTES = 512 * 1024 * 1024;
/** As many as the native side can have. */
const CONNECTIONS_MAX = 30_000;

/**
 * Opens what `choice` asks for. Throws MILLRACE_OPTION for an unknown choice and MILLRACE_DRIVER when the ring is forced
 * and there is none. A server whose limit can be altered leaves `maxConnections` out. The caller closes the ring.
 */
export function chooseSockets(
  choice: SocketsChoice,
  engine: SocketsEngine,
  maxConnections: number = CONNECTIONS_MAX,
): { ring: RingNet | undefined; report: SocketsReport } {
  if (!socketsChoices.includes(choice)) {
    throw new MillraceError('MILLRACE_OPTION', `sockets must be one of ${socketsChoices.join(', ')}, not ${choice}`);
  }
  const node = (reason: string) => ({ ring: undefined, report: { sockets: 'node', reason } as const });
  if (choice === 'node') return node('asked for');
  if (choice === 'auto' && engine.driver.driver !== 'ring') return node(`the driver is ${engine.driver.driver}`);
  const options = {
    slotBytes: SLOT_BYTES,
    slots: SLOTS,
    gatherBytes: GATHER_BYTES,
    // One more than are wanted, so that it is we who refuse the one above, and say so.
    maxConnections: Math.min(maxConnections + 1, CONNECTIONS_MAX),
  };
  try {
    const ring = new RingNet((wake) => engine.openSockets(options, wake));
    return { ring, report: { sockets: 'ring', reason: choice === 'ring' ? 'asked for' : 'the driver is ring' } };
  } catch (cause) {
    // The addon's messages begin with an errno.
    const reason = (cause instanceof Error ? cause.message : String(cause)).replace(/^\d+ /, '');
    if (choice === 'ring') throw new MillraceError('MILLRACE_DRIVER', `no sockets in a ring: ${reason}`, { cause });
    return node(`no sockets in a ring: ${reason}`);
  }
}
