/**
 * disk and flush: what the device below a directory does without any engine, to judge the other figures by. flush writes a
 * block and waits for fdatasync(2); disk writes and reads blocks past the page cache (O_DIRECT).
 *
 * Invariant: everything happens in one file of the bench's own that was written in full before, so that a flush changes no
 * metadata and a read finds blocks on the device.
 */
import { closeSync, constants, fdatasyncSync, fsyncSync, openSync, read, write, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CliError, ExitCode, usage } from '../exit.ts';
import { ownDirectory } from './own-directory.ts';
import { payload } from './payload.ts';
import type { DiskBenchOptions, KvBenchOptions, Workload } from './workload.ts';

const fileBytes = 256 * 1024 * 1024;
const fillBytes = 4 * 1024 * 1024;
const blockBytes = 4096;

interface Scratch extends Disposable {
  readonly path: string;
  readonly conditions: Workload['conditions'];
}

/** A file of `bytes`, all of them written and flushed. */
function scratchFile(parent: string, bytes: number): Scratch {
  const directory = ownDirectory(parent);
  try {
    const path = join(directory.path, 'scratch');
    const file = openSync(path, 'wx', 0o600);
    try {
      const piece = payload(Math.min(fillBytes, bytes));
      for (let at = 0; at < bytes; at += piece.length)
        writeSync(file, piece, 0, Math.min(piece.length, bytes - at), at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    return { path, conditions: directory.conditions, [Symbol.dispose]: () => directory[Symbol.dispose]() };
  } catch (error) {
    directory[Symbol.dispose]();
    throw error;
  }
}

/** One block and one fdatasync an operation, one at a time, without a thread between. */
export async function flushBench(options: DiskBenchOptions): Promise<Workload> {
  const { size } = options;
  const blocks = Math.max(1, Math.floor(fillBytes / size));
  const scratch = scratchFile(options.dir ?? '.', blocks * size);
  const file = openSync(scratch.path, 'r+');
  const block = payload(size, 2);
  let turn = 0;
  return {
    conditions: { target: 'write + fdatasync', block: `${size} bytes`, ...scratch.conditions },
    bytesEach: size,
    recordsEach: 1,
    operate() {
      turn = (turn + 1) % blocks;
      writeSync(file, block, 0, size, turn * size);
      fdatasyncSync(file);
      // A turn of the loop, so that Ctrl-C is heard.
      return new Promise((resolve) => setImmediate(resolve, 1));
    },
    async [Symbol.asyncDispose]() {
      closeSync(file);
      scratch[Symbol.dispose]();
    },
  };
}

/** One direct block an operation, at any place of the file; libuv's threads carry as many as it has. */
export async function diskBench(options: DiskBenchOptions & Pick<KvBenchOptions, 'reads'>): Promise<Workload> {
  const { size } = options;
  if (size % blockBytes !== 0) throw usage(`--size must be a multiple of ${blockBytes} for direct blocks`);
  const blocks = Math.max(1, Math.floor(fileBytes / size));
  const scratch = scratchFile(options.dir ?? '.', blocks * size);
  let file: number | undefined;
  try {
    file = openSync(scratch.path, constants.O_RDWR | constants.O_DIRECT);
    const direct = file;
    const buffers = Array.from({ length: options.clients * options.inFlight }, () => alignedFor(direct, size));
    return {
      conditions: {
        target: 'direct blocks',
        block: `${size} bytes`,
        reads: `${options.reads} %`,
        ...scratch.conditions,
        threads: threadsOf(options),
      },
      bytesEach: size,
      recordsEach: 1,
      async operate() {
        const buffer = buffers.pop() ?? alignedFor(direct, size);
        const at = Math.floor(Math.random() * blocks) * size;
        await new Promise<void>((resolve, reject) => {
          const done = (error: Error | null): void => (error ? reject(error) : resolve());
          if (Math.random() * 100 < options.reads) read(direct, buffer, 0, size, at, done);
          else write(direct, buffer, 0, size, at, done);
        });
        buffers.push(buffer);
        return 1;
      },
      async [Symbol.asyncDispose]() {
        closeSync(direct);
        scratch[Symbol.dispose]();
      },
    };
  } catch (error) {
    if (file !== undefined) closeSync(file);
    scratch[Symbol.dispose]();
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    throw new CliError(ExitCode.failure, `${options.dir ?? '.'} takes no direct blocks`, { cause: error });
  }
}

function threadsOf({ clients, inFlight }: DiskBenchOptions): number {
  return Math.min(clients * inFlight, Number(process.env.UV_THREADPOOL_SIZE ?? 4));
}

/**
 * Memory that the kernel takes for direct blocks. Node does not say where its memory lies, so the place in it that is
 * aligned is found by asking the kernel, which refuses the others.
 */
function alignedFor(file: number, size: number): Buffer {
  const memory = Buffer.from(new ArrayBuffer(size + 2 * blockBytes));
  payload(size + 2 * blockBytes, 3).copy(memory);
  const step = 8;
  for (let offset = 0; ; offset += step) {
    const candidate = memory.subarray(offset, offset + size);
    try {
      writeSync(file, candidate, 0, blockBytes, 0);
      return candidate;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL' || offset >= blockBytes) throw error;
    }
  }
}
