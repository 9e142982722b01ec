/**
 * Appends to an embedded log with its defaults, every one waited for until it is durable: large ones one after the other
 * into a few partitions, or small ones spread over many. `--partitions N`; bytes a second beside the usual figures.
 */
import { join } from 'node:path';
import { loopOptions, runClosedLoop } from './closed-loop.ts';

const installed = new URL('../../dist/index.js', import.meta.url).href;
const { openLog }: typeof import('../../ts/index.ts') = await import(installed);

const options = loopOptions();
const { partitions } = options;
await using log = await openLog(join(options.directory, 'data'));
const topic = await log.topic('bench', { partitions });
const value = new Uint8Array(options.size).fill(0xa5);
let next = 0;
await runClosedLoop(options, () => {
  next = (next + 1) % partitions;
  return topic.append({ value }, { partition: next });
});
