/**
 * All clients at once, until the faults are over; then the end: open transactions are ended, everything is read once more.
 *
 * To remember: the last read is of the server as it is then, so what it lacks is lost.
 */

import {
  type Connection,
  fetch,
  initTransactions,
  PARTITIONS,
  runPoller,
  runProducer,
  runWorker,
  WORKERS,
  type World,
} from './clients.ts';
import type { Operation } from './history.ts';

const PRODUCERS = 2;

/** Starts all clients; the promise ends when `world.isOver` and all of them have seen it. */
export async function runClients(world: World): Promise<void> {
  const clients = [
    ...Array.from({ length: PRODUCERS }, (_, number) => runProducer(world, `producer${number}`)),
    ...Array.from({ length: WORKERS }, (_, number) => runWorker(world, number)),
    runPoller(world, 'committed', 'committed'),
    runPoller(world, 'uncommitted', 'uncommitted'),
  ];
  await Promise.all(clients);
}

/** The last read, of a server without faults; answers the whole history. */
export async function readAll(world: World, connection: Connection): Promise<readonly Operation[]> {
  for (let number = 0; number < WORKERS; number += 1) await initTransactions(connection, `worker${number}`);
  const { recorder } = world;
  const positions = Array.from({ length: PARTITIONS }, () => 0);
  for (let session = 0; ; ) {
    const before = [...positions];
    const start = recorder.tick();
    const reads = await fetch(world, connection, 'committed', positions);
    recorder.add({ process: 'last', session, start, outcome: 'ok', reads, isFinal: true });
    if (positions.every((position, partition) => position === before[partition])) break;
  }
  return recorder.operations;
}

/** What a history is made of, in one line. */
export function summary(operations: readonly Operation[]): string {
  const count = (outcome: string) => operations.filter((one) => one.outcome === outcome).length;
  const transactions = operations.filter(({ transaction }) => transaction !== undefined).length;
  const sends = operations.reduce((sum, one) => sum + one.sends.length, 0);
  const parts = [`${operations.length} operations`, `${sends} values`, `${transactions} transactions`];
  return `${parts.join(', ')}; ${count('ok')} done, ${count('fail')} not done, ${count('info')} unknown`;
}
