/**
 * Arenas: memory aligned for direct I/O that JavaScript and the kernel share, in slots that are leased.
 *
 * To remember: a lease's bytes are yours until it is released, and the kernel's while an operation uses them. Once shown,
 * an arena's memory stays mapped for as long as the process, so a view that outlives its lease reads other bytes, and
 * nothing worse.
 */
import { MillraceError } from '../../errors.ts';
import { loadNative } from '../native.ts';
import { fromNative } from '../native-error.ts';
import type { NativeArena } from './native-ring.ts';
import { refusal } from './results.ts';

/** Of what size an arena is. */
export interface ArenaOptions {
  /** Bytes of one slot, a multiple of 4096. Default 64 KiB. */
  readonly slotBytes?: number | undefined;
  /** Slots, 1 to 2^20; all together at most 1 GiB. Default 64. */
  readonly slots?: number | undefined;
}

/** A part of a lease, as operations take it. */
export class LeasePart {
  readonly lease: Lease;
  readonly start: number;
  readonly length: number;

  /** Made by `Lease.part`. */
  constructor(lease: Lease, start: number, length: number) {
    this.lease = lease;
    this.start = start;
    this.length = length;
  }

  /** The bytes, as a view; throws MILLRACE_STALE_HANDLE when the lease has ended. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.lease.bytes.subarray(this.start, this.start + this.length);
  }
}

/** A slot of an arena that is yours. `using` releases it. */
export class Lease implements Disposable {
  readonly arena: Arena;
  /** Names the lease for ever. */
  readonly number: number;
  #bytes: Uint8Array<ArrayBuffer> | undefined;

  /** Made by `Arena.lease`. */
  constructor(arena: Arena, number: number, bytes: Uint8Array<ArrayBuffer>) {
    this.arena = arena;
    this.number = number;
    this.#bytes = bytes;
  }

  /** The slot's bytes. Throws MILLRACE_STALE_HANDLE after the release, MILLRACE_DETACHED when its memory was transferred. */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#bytes === undefined) throw new MillraceError('MILLRACE_STALE_HANDLE', 'the lease has been released');
    if (this.#bytes.byteLength === 0) throw new MillraceError('MILLRACE_DETACHED', 'the arena was transferred');
    return this.#bytes;
  }

  /** Bytes of the slot. */
  get length(): number {
    return this.arena.slotBytes;
  }

  /** A part of the slot; throws MILLRACE_ARGUMENT when it does not lie in it. */
  part(start = 0, length: number = this.length - start): LeasePart {
    const isInside = Number.isSafeInteger(start) && Number.isSafeInteger(length) && start >= 0 && length >= 0;
    if (!isInside || start + length > this.length) {
      throw new MillraceError('MILLRACE_ARGUMENT', `bytes ${start} to ${start + length} are not in the slot`);
    }
    return new LeasePart(this, start, length);
  }

  /** Gives the slot back. Throws MILLRACE_BUFFER_BUSY while an operation uses it, MILLRACE_STALE_HANDLE the second time. */
  release(): void {
    this.arena.release(this.number);
    this.#bytes = undefined;
  }

  /** As `release`; a lease that was released already is fine. */
  [Symbol.dispose](): void {
    if (this.#bytes !== undefined) this.release();
  }
}

/** Memory in slots of one size. It needs no closing: its slots come back by `release`, its pages with the process. */
export class Arena {
  readonly slotBytes: number;
  readonly slots: number;
  readonly #native: NativeArena;
  readonly #memory: Uint8Array<ArrayBuffer>;

  /** Maps the memory; throws MILLRACE_ARGUMENT for sizes that are not whole pages or too large. */
  constructor({ slotBytes = 65_536, slots = 64 }: ArenaOptions = {}) {
    try {
      this.#native = new (loadNative().NativeArena)(slotBytes, slots);
      this.#memory = this.#native.memory() as Uint8Array<ArrayBuffer>;
    } catch (error) {
      throw fromNative(error);
    }
    this.slotBytes = slotBytes;
    this.slots = slots;
  }

  /** Leases a slot; undefined when all are leased. Its bytes are whatever was there before. */
  tryLease(): Lease | undefined {
    const number = this.#native.lease();
    if (number < 0) return undefined;
    const start = (number % 2 ** 20) * this.slotBytes;
    if (this.#memory.byteLength === 0) {
      this.#native.release(number);
      throw new MillraceError('MILLRACE_DETACHED', 'the arena was transferred');
    }
    const bytes = new Uint8Array(this.#memory.buffer, start, this.slotBytes);
    return new Lease(this, number, bytes);
  }

  /** As `tryLease`; throws MILLRACE_BUSY when all slots are leased. */
  lease(): Lease {
    const lease = this.tryLease();
    if (lease === undefined) throw new MillraceError('MILLRACE_BUSY', `all ${this.slots} slots are leased`);
    return lease;
  }

  /** Slots that are leased. */
  get leased(): number {
    return this.#native.leased;
  }

  /** Ends a lease by its number; `Lease.release` calls it. */
  release(number: number): void {
    const code = this.#native.release(number);
    if (code !== 0) throw refusal(code, 'release');
  }

  /** The addon's arena; for rings. */
  get native(): NativeArena {
    return this.#native;
  }
}
