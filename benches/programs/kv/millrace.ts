/** Millrace's own store, as it is installed: compiled, from dist. */
import { join } from 'node:path';
import type { OpenKvEngine } from './engine.ts';

const installed = new URL('../../../dist/index.js', import.meta.url).href;

export const openMillrace: OpenKvEngine = async (directory) => {
  const { openKv }: typeof import('../../../ts/index.ts') = await import(installed);
  const kv = await openKv(join(directory, 'data'));
  return {
    putDurable: (key, value) => kv.put(key, value),
    batch(entries, isDurable) {
      const batch = kv.batch();
      for (const [key, value] of entries) batch.put(key, value);
      return batch.write({ durability: isDurable ? 'durable' : 'memory' });
    },
    getSync(key) {
      const value = kv.getSync(key);
      if (!value) throw new Error(`no key ${key}`);
      return value;
    },
    get: (key) => kv.get(key),
    async scan() {
      let count = 0;
      for await (const _ of kv.entries()) count += 1;
      return count;
    },
    keydirBytes: () => Number(kv.stats().keydirBytes),
    close: () => kv.close(),
  };
};
