/**
 * Follows a growing file, as `tail -f` does: reads what is there, then waits for more, without polling.
 *
 *     node examples/io-tail.mjs FILE
 */
import { watch } from 'node:fs';
import { Arena, openRing } from 'millrace/io';

/** Bytes of the file from `position` on, as they come, until the signal is aborted. A chunk holds until the next. */
export async function* tail(ring, path, { position = 0, signal } = {}) {
  const file = await ring.open(path);
  const lease = new Arena({ slotBytes: 65_536, slots: 1 }).lease();
  let changed = () => undefined;
  let isChanged = false;
  const watcher = watch(path, () => {
    isChanged = true;
    changed();
  });
  signal?.addEventListener('abort', () => changed(), { once: true });
  try {
    while (!signal?.aborted) {
      isChanged = false;
      const count = await file.read(lease, { position });
      position += count;
      if (count > 0) {
        yield lease.bytes.subarray(0, count);
      } else {
        // A file that was made shorter is followed from its new beginning.
        if ((await file.stat()).size < position) position = 0;
        // Whatever happened since the read began is a reason to look again at once.
        await new Promise((resolve) => {
          changed = resolve;
          if (isChanged || signal?.aborted) resolve();
        });
      }
    }
  } finally {
    watcher.close();
    lease.release();
    await file.close();
  }
}

if (process.argv[1]?.endsWith('io-tail.mjs')) {
  const path = process.argv[2];
  if (!path) {
    console.error('usage: node examples/io-tail.mjs FILE');
    process.exit(2);
  }
  const ring = await openRing();
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort());
  for await (const chunk of tail(ring, path, { signal: ending.signal })) process.stdout.write(Buffer.from(chunk));
  await ring.close();
}
