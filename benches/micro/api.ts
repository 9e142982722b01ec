/** The embedded calls on a simulated disk, which answers at once: what is left is JavaScript's part and the engine's. */
import { openKv, openLog } from '../../ts/index.ts';
import { assertDone, type Work } from './work.ts';

const MANY = 100;

/** The works, and what ends what they have open. */
export async function openApiWorks(): Promise<{ works: Work[]; close(): Promise<void> }> {
  const sim = { driver: 'sim', sim: { seed: 1, id: `micro-${process.pid}` }, durability: 'memory' } as const;
  const log = await openLog('micro', sim);
  const kv = await openKv('micro', sim);
  const topic = await log.topic('micro', { partitions: 1 });
  const value = Buffer.alloc(128, 'v');
  await kv.put('key', value);
  const works: Work[] = [
    {
      group: 'api',
      name: `${MANY} appends of one turn`,
      async run() {
        const results = await Promise.all(Array.from({ length: MANY }, () => topic.append({ value })));
        assertDone(results.length, MANY, 'appends');
      },
    },
    {
      group: 'api',
      name: `one append of ${MANY} records`,
      async run() {
        await topic.append(Array.from({ length: MANY }, () => ({ value })));
      },
    },
    {
      group: 'api',
      name: `${MANY} puts of one turn`,
      async run() {
        await Promise.all(Array.from({ length: MANY }, (_, index) => kv.put(`key:${index}`, value)));
      },
    },
    { group: 'api', name: 'getSync', run: () => assertDone(kv.getSync('key')?.length ?? 0, value.length, 'bytes') },
    {
      group: 'api',
      name: `${MANY} keys by one getMany`,
      async run() {
        assertDone((await kv.getMany(Array.from({ length: MANY }, () => 'key'))).length, MANY, 'values');
      },
    },
  ];
  const close = async (): Promise<void> => {
    await kv.close();
    await log.close();
  };
  return { works, close };
}
