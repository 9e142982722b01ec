/** The embedded log with its defaults: every append waits until it is durable. */
import { join } from 'node:path';
import { openLog } from '../../ts/index.ts';
import { loopOptions, runClosedLoop } from './closed-loop.ts';

const options = loopOptions();
await using log = await openLog(join(options.directory, 'data'));
const topic = await log.topic('bench', { partitions: 1 });
const records = [{ value: new Uint8Array(options.size).fill(0xa5) }];
await runClosedLoop(options, () => topic.append(records));
