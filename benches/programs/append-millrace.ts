/**
 * The embedded log with its defaults: every append waits until it is durable. As it is installed: compiled, from dist.
 */
import { join } from 'node:path';
import { loopOptions, runClosedLoop } from './closed-loop.ts';

const installed = new URL('../../dist/index.js', import.meta.url).href;
const { openLog }: typeof import('../../ts/index.ts') = await import(installed);

const options = loopOptions();
await using log = await openLog(join(options.directory, 'data'));
const topic = await log.topic('bench', { partitions: 1 });
const record = { value: new Uint8Array(options.size).fill(0xa5) };
await runClosedLoop(options, () => topic.append(record));
