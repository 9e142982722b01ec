/**
 * What this machine can do for files in a directory, each with its reason: tried or read, never guessed from a version.
 *
 * The facts of kernel, device and limits are those of `millrace doctor`: one probe in the addon serves both.
 */
import { constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MillraceError } from '../../errors.ts';
import { loadNative } from '../native.ts';
import { fromNative } from '../native-error.ts';
import { Arena } from './arena.ts';
import { openRing, type Ring } from './ring.ts';
import type { WriteOptions } from './ring-file.ts';

/** Whether something can be had, and why (not). */
export interface Capability {
  readonly available: boolean;
  readonly reason: string;
}

/** What `capabilities` finds. What the system does not say is undefined. */
export interface Capabilities {
  readonly kernel: string;
  /** The driver `openRing` would choose. */
  readonly driver: 'ring' | 'pool';
  readonly ring: Capability & { readonly flags: readonly string[]; readonly missing: readonly string[] };
  readonly sqpoll: Capability;
  readonly iopoll: Capability;
  readonly registeredFiles: Capability;
  readonly registeredBuffers: Capability;
  /** Past the page cache; positions and lengths are multiples of `alignment` (0: not said). */
  readonly direct: Capability & { readonly alignment: number };
  /** Writes that are durable themselves (`RWF_DSYNC`). */
  readonly durableWrites: Capability;
  /** `RWF_DONTCACHE`. */
  readonly dontCache: Capability;
  /** `RWF_ATOMIC`, for one block. */
  readonly atomicWrites: Capability;
  readonly fileSystem: string;
  readonly device: {
    /** `write back`: volatile, so flushes matter; `write through`. */
    readonly writeCache: string | undefined;
    /** Whether a write can be forced past the device's cache without a flush. */
    readonly forcedUnitAccess: boolean | undefined;
    readonly logicalBlockBytes: number | undefined;
    readonly physicalBlockBytes: number | undefined;
    /** Requests the device's queue holds: with more in flight, submitting blocks. */
    readonly queueRequests: number | undefined;
    /** Median ns of a 4 KiB write with a flush, and of one that is durable itself. */
    readonly flushP50Ns: number | undefined;
    readonly durableWriteP50Ns: number | undefined;
  };
  readonly limits: {
    readonly lockedMemoryBytes: number | undefined;
    readonly openFiles: number | undefined;
    readonly freeBytes: number | undefined;
    readonly totalBytes: number | undefined;
  };
}

/** The addon's probe, as `millrace doctor` reads it. */
interface Probe {
  readonly driver: 'ring' | 'pool';
  readonly reason: string;
  readonly direct: boolean;
  readonly detail: string;
  readonly kernel: string;
  readonly ringFlags: string;
  readonly ringMissing: string;
  readonly fileSystem: string;
  readonly directAlignment: number;
  readonly memlockBytes?: number;
  readonly openFilesMax?: number;
  readonly freeBytes?: number;
  readonly totalBytes?: number;
  readonly writeCache?: string;
  readonly forcedUnitAccess?: boolean;
  readonly logicalBlockBytes?: number;
  readonly physicalBlockBytes?: number;
  readonly nrRequests?: number;
  readonly flushP50Ns?: number;
  readonly durableWriteP50Ns?: number;
}

const BLOCK = 4096;

const words = (text: string): string[] => (text === '' ? [] : text.split(' '));

/** Looks at the file system of `directory`, which must exist; takes well under a second and leaves nothing behind. */
export async function capabilities(directory: string = tmpdir()): Promise<Capabilities> {
  const trial = mkdtempSync(join(directory, '.millrace-io-'));
  try {
    const probe = JSON.parse(probeText(trial)) as Probe;
    await using ring = await openRing();
    const path = join(trial, 'trial');
    return { ...facts(probe), ...(await modes()), ...(await writes(ring, path, probe)), iopoll: polledDevice(path) };
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

function probeText(trial: string): string {
  try {
    return loadNative().probe(trial);
  } catch (error) {
    throw fromNative(error, trial);
  }
}

function facts(probe: Probe) {
  const isRing = probe.driver === 'ring';
  return {
    kernel: probe.kernel,
    driver: probe.driver,
    ring: {
      available: isRing,
      reason: probe.reason,
      flags: words(probe.ringFlags),
      missing: words(probe.ringMissing),
    },
    direct: { available: probe.direct, reason: probe.detail, alignment: probe.directAlignment },
    fileSystem: probe.fileSystem,
    device: {
      writeCache: probe.writeCache,
      forcedUnitAccess: probe.forcedUnitAccess,
      logicalBlockBytes: probe.logicalBlockBytes,
      physicalBlockBytes: probe.physicalBlockBytes,
      queueRequests: probe.nrRequests,
      flushP50Ns: probe.flushP50Ns,
      durableWriteP50Ns: probe.durableWriteP50Ns,
    },
    limits: {
      lockedMemoryBytes: probe.memlockBytes,
      openFiles: probe.openFilesMax,
      freeBytes: probe.freeBytes,
      totalBytes: probe.totalBytes,
    },
  };
}

/** Opens a ring with everything that can be asked for, and says what became of it. */
async function modes() {
  await using ring = await openRing({ mode: 'sqpoll', registeredFiles: 16 });
  const isRing = ring.driver.driver === 'ring';
  const asked = (feature: string): Capability => {
    const refused = ring.driver.refused.find((it) => it.feature === feature)?.reason;
    const reason = isRing ? refused : ring.driver.reason;
    return { available: reason === undefined, reason: reason ?? 'tried' };
  };
  const buffers = ring.registerArena(new Arena({ slotBytes: BLOCK, slots: 1 }));
  return {
    sqpoll: asked('sqpoll'),
    registeredFiles: asked('registered files'),
    registeredBuffers: { available: buffers.available, reason: buffers.reason },
  };
}

/** Completions that are polled for: the kernel reads a block that way, or says why not. */
function polledDevice(path: string): Capability {
  const refused = loadNative().tryPolling(path);
  const ours = 'the device polls, but a loop that sleeps on its ring would not be woken: not used';
  return { available: false, reason: refused === '' ? ours : refused };
}

/** Tries each kind of write on a file of one block. */
async function writes(ring: Ring, path: string, probe: Probe) {
  const direct = probe.direct ? constants.O_DIRECT : 0;
  await using file = await ring.open(path, { flags: constants.O_RDWR | constants.O_CREAT | direct });
  const block = Buffer.alloc(BLOCK);
  const tried = async (options: WriteOptions): Promise<Capability> => {
    try {
      const count = await file.write(block, { position: 0, ...options });
      return { available: count === BLOCK, reason: count === BLOCK ? 'tried' : `wrote ${count} of ${BLOCK} bytes` };
    } catch (error) {
      return { available: false, reason: (error as MillraceError).message };
    }
  };
  await tried({});
  return {
    durableWrites: await tried({ durable: true }),
    dontCache: await tried({ dontCache: true }),
    atomicWrites: await tried({ atomic: true }),
  };
}
