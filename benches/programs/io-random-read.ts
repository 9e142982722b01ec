/**
 * Random direct reads of a file, always so many on their way: rows of a batch, or `fs.promises` on the same file.
 *
 * Both read past the page cache into the same kind of aligned memory, which Node itself has no means to get.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { Arena, type IoOptions, ioOptions, openRing } from './io-options.ts';
import { Stretch } from './stretch.ts';

const NOTED_EVERY = 8;
/** Reads that go to the device while the rest of what has completed is looked at: it would stand still otherwise. */
const PIECE = 8;

/** Blocks of a file at random, seeded (xorshift). */
function randomPositions(fileBytes: number, blockBytes: number): () => number {
  const blocks = Math.floor(fileBytes / blockBytes);
  let state = 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) % blocks) * blockBytes;
  };
}

async function millrace({ file: path, depth, size, busyPollMicros, ...times }: IoOptions): Promise<void> {
  await using ring = await openRing({ driver: 'ring', entries: depth, busyPollMicros });
  await using file = await ring.open(path, { direct: true });
  const position = randomPositions((await file.stat()).size, size);
  const arena = new Arena({ slotBytes: size, slots: depth });
  const leases = Array.from({ length: depth }, () => arena.lease());
  const begun = new Float64Array(depth);
  const stretch = new Stretch(times);
  await new Promise<void>((resolve, reject) => {
    let inFlight = 0;
    const read = (token: number): void => {
      const lease = leases[token];
      if (lease) batch.read(token, file, position(), lease);
      inFlight += 1;
    };
    const batch = ring.batch({
      entries: depth,
      onCompletions(completions, count) {
        const now = performance.now();
        const goesOn = stretch.count(now, count);
        inFlight -= count;
        for (let at = 0; at < count * 2; at += 2) {
          const token = completions[at] ?? 0;
          if (completions[at + 1] !== size) reject(batch.error(completions[at + 1] ?? 0));
          if (token % NOTED_EVERY === 0) stretch.note(now, begun[token] ?? now);
          begun[token] = now;
          if (goesOn) read(token);
          if (batch.queued === PIECE) batch.submit(true);
        }
        batch.submit();
        if (inFlight === 0) resolve();
      },
    });
    for (let token = 0; token < depth; token += 1) {
      begun[token] = performance.now();
      read(token);
    }
    batch.submit();
  });
  stretch.print(size);
}

async function node({ file: path, depth, size, ...times }: IoOptions): Promise<void> {
  await using file = await open(path, constants.O_RDONLY | constants.O_DIRECT);
  const position = randomPositions((await file.stat()).size, size);
  const arena = new Arena({ slotBytes: size, slots: depth });
  const stretch = new Stretch(times);
  const reader = async (number: number): Promise<void> => {
    const memory = arena.lease().bytes;
    for (let begun = performance.now(), goesOn = true; goesOn; ) {
      const { bytesRead } = await file.read(memory, 0, size, position());
      if (bytesRead !== size) throw new Error(`read ${bytesRead} bytes`);
      const now = performance.now();
      goesOn = stretch.count(now, 1);
      if (number % NOTED_EVERY === 0) stretch.note(now, begun);
      begun = now;
    }
  };
  await Promise.all(Array.from({ length: depth }, (_, number) => reader(number)));
  stretch.print(size);
}

const options = ioOptions();
await (options.by === 'millrace' ? millrace(options) : node(options));
