/**
 * One scene of the teardown tests under traffic, run in a worker: a whole broker on the given driver and sockets, ended in
 * one way when the parent says so.
 *
 * Worker data: directory, driver, sockets, ending. Posts its port; ends when it is sent anything.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { Broker } from '../../ts/broker/broker.ts';
import { BrokerSettings } from '../../ts/broker/settings.ts';
import { openEngine } from '../../ts/io/engine.ts';
import { chooseSockets } from '../../ts/net/choose-sockets.ts';
import type { DriverName } from '../../ts/options.ts';

const [dir, driver, sockets, ending] = workerData as [string, DriverName, 'ring' | 'node', string];

const engine = openEngine(dir, { driver });
const { ring } = chooseSockets(sockets, engine, 100);
const settings = new BrokerSettings({ 'num.partitions': '2', 'auto.create.topics.enable': 'true' });
const broker = new Broker({ engine, settings, print: () => undefined, ring });
const { port } = await broker.listen(0, '127.0.0.1');

async function close(): Promise<void> {
  await broker.close();
  await ring?.close();
  await engine.close();
  parentPort?.close();
}

parentPort?.on('message', () => {
  if (ending === 'exit') process.exit(7);
  if (ending === 'uncaught') throw new Error('scene ends here');
  if (ending === 'natural') void close();
});
parentPort?.postMessage(port);
