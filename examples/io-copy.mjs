/**
 * Copies a file at the speed of the device: eight direct reads and writes on their way, no copy in between, and the page
 * cache is left alone.
 *
 *     node examples/io-copy.mjs FROM TO
 */
import { Arena, openDirect, openRing } from 'millrace/io';

/** Copies, and answers how many bytes; they are durable then. */
export async function copy(ring, from, to, { chunkBytes = 2 ** 20, depth = 8 } = {}) {
  const [source, target] = [await openDirect(ring, from), await openDirect(ring, to, { flags: 'w' })];
  const arena = new Arena({ slotBytes: chunkBytes, slots: depth });
  const size = await source.size();
  let next = 0;
  const worker = async () => {
    const lease = arena.lease();
    while (next < size) {
      const position = next;
      next += chunkBytes;
      const wanted = Math.min(chunkBytes, size - position);
      for (let done = 0; done < wanted; ) {
        const count = await source.file.read(lease.part(done), { position: position + done });
        if (count === 0) throw new Error('the file became shorter while it was copied');
        done += count;
      }
      // The device takes whole blocks: the end of the file is set afterwards.
      const blocks = Math.ceil(wanted / target.alignment) * target.alignment;
      for (let done = 0; done < blocks; ) {
        done += await target.file.write(lease.part(done, blocks - done), { position: position + done });
      }
    }
    lease.release();
  };
  try {
    // A write that makes the file longer has it to itself; into space that is reserved, writes go side by side.
    if (size > 0) await target.file.allocate(0, size);
    await Promise.all(Array.from({ length: depth }, worker));
    await target.file.truncate(size);
    await target.file.sync();
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
  return size;
}

const [, program, from, to] = process.argv;
if (program?.endsWith('io-copy.mjs')) {
  if (!from || !to) {
    console.error('usage: node examples/io-copy.mjs FROM TO');
    process.exit(2);
  }
  const ring = await openRing();
  const start = performance.now();
  const bytes = await copy(ring, from, to);
  const seconds = (performance.now() - start) / 1000;
  console.log(`${bytes} bytes, ${(bytes / 1e6 / seconds).toFixed(0)} MB/s, driver ${ring.driver.driver}`);
  await ring.close();
}
