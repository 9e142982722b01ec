/**
 * A file from its beginning to its end, past the page cache, again and again: `chunks()` of a direct file, or as many
 * `fs.promises` reads ahead into the same kind of memory. Nobody looks at the bytes.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { Arena, type IoOptions, ioOptions, openDirect, openRing } from './io-options.ts';
import { Stretch } from './stretch.ts';

async function millrace({ file: path, depth, size, ...times }: IoOptions): Promise<void> {
  await using ring = await openRing({ driver: 'ring' });
  await using file = await openDirect(ring, path);
  if (!file.isDirect) throw new Error(file.reason);
  const stretch = new Stretch(times);
  for (;;) {
    for await (const chunk of file.chunks({ chunkBytes: size, depth })) {
      if (chunk.byteLength !== size) throw new Error(`a chunk of ${chunk.byteLength} bytes`);
      if (!stretch.count(performance.now(), 1)) return stretch.print(size);
    }
  }
}

async function node({ file: path, depth, size, ...times }: IoOptions): Promise<void> {
  await using file = await open(path, constants.O_RDONLY | constants.O_DIRECT);
  const fileBytes = (await file.stat()).size;
  const arena = new Arena({ slotBytes: size, slots: depth });
  const stretch = new Stretch(times);
  let next = 0;
  const reader = async (): Promise<void> => {
    const memory = arena.lease().bytes;
    for (let goesOn = true; goesOn; ) {
      const at = next;
      next = (next + size) % fileBytes;
      const { bytesRead } = await file.read(memory, 0, size, at);
      if (bytesRead !== size) throw new Error(`read ${bytesRead} bytes`);
      goesOn = stretch.count(performance.now(), 1);
    }
  };
  await Promise.all(Array.from({ length: depth }, reader));
  stretch.print(size);
}

const options = ioOptions();
await (options.by === 'millrace' ? millrace(options) : node(options));
