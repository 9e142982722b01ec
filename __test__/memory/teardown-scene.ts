/**
 * One scene of the teardown tests, run in a process or worker of its own: opens a log, brings it to a stage, and ends
 * the environment in one way.
 *
 * Arguments: directory, driver, stage, ending. Prints `acknowledged` when an append has resolved.
 */

import { parentPort, workerData } from 'node:worker_threads';
import type { DriverName } from '../../ts/index.ts';
import { openLog } from '../../ts/index.ts';

const [dir, driver, stage, ending] = (workerData ?? process.argv.slice(2)) as [string, DriverName, string, string];

const log = await openLog(dir, driver === 'sim' ? { driver, sim: { seed: 7, id: dir } } : { driver });
const topic = await log.topic('scene', { partitions: 2 });
await topic.append({ value: 'first' });

function append(): void {
  topic.append({ value: 'x'.repeat(100_000) }).then(
    () => process.stdout.write('acknowledged\n'),
    () => undefined,
  );
}

// Somebody else ends this environment: it must still be there then.
if (ending === 'terminate') setInterval(() => undefined, 1000);
parentPort?.postMessage('staged');

/** Ends the environment; `natural` and `terminate` just go on. */
function end(): void {
  if (ending === 'exit') process.exit(7);
  if (ending === 'uncaught') throw new Error('scene ends here');
}

if (stage === 'idle') {
  setTimeout(end, 5);
} else if (stage === 'queued') {
  append();
  end();
} else if (stage === 'writing') {
  append();
  // The commit runs in this turn's check phase; the next turn's prepare phase submits it; then it is in flight.
  setImmediate(() => setImmediate(end));
} else if (stage === 'storm') {
  // Appends follow each other for as long as the environment lives, or 50 ms.
  const until = Date.now() + 50;
  const again = async (): Promise<void> => {
    while (ending === 'terminate' || Date.now() < until) await topic.append({ value: 'storm' });
  };
  for (let writer = 0; writer < 16; writer += 1) void again();
  setTimeout(end, 20);
} else if (stage === 'callback') {
  // Ends inside the addon's own callback.
  void topic.append({ value: 'last' }).then(end);
} else if (stage === 'closing') {
  append();
  void log.close();
  end();
}
