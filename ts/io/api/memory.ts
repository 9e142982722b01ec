/**
 * The memory that operations take: bytes of JavaScript's, which are copied, or parts of a lease, which are not.
 *
 * Invariant: the kernel never gets an address of JavaScript's memory. So nothing that happens to an array meanwhile can
 * harm anything but the result of its own operation.
 */
import { MillraceError } from '../../errors.ts';
import { Lease, LeasePart } from './arena.ts';

/** What an operation reads from or writes into. Arrays are copied on their way, leases are not. */
export type IoMemory = NodeJS.ArrayBufferView | Lease | LeasePart;

/** Memory as operations use it. */
export type Resolved = Uint8Array<ArrayBuffer> | LeasePart;

/** Checks memory at the time it is given. */
export function resolveMemory(memory: IoMemory, what: string): Resolved {
  if (memory instanceof LeasePart) return memory;
  if (memory instanceof Lease) return memory.part();
  if (!ArrayBuffer.isView(memory)) throw new MillraceError('MILLRACE_ARGUMENT', `${what}: bytes or a lease are needed`);
  const { buffer } = memory;
  if (!(buffer instanceof ArrayBuffer)) {
    const reason = 'shared memory is not taken: another thread could change it meanwhile';
    throw new MillraceError('MILLRACE_ARGUMENT', `${what}: ${reason}`);
  }
  try {
    return new Uint8Array(buffer, memory.byteOffset, memory.byteLength);
  } catch (cause) {
    // Over a detached buffer there can be no view, and over one that was made shorter none of the old length.
    throw new MillraceError('MILLRACE_DETACHED', `${what}: the memory is detached or shorter than its view`, { cause });
  }
}
