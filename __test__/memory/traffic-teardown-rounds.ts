/**
 * Rounds of the teardown tests under traffic, in a process of their own: each starts a broker in a worker, has clients
 * produce (small, and large enough for bulk files), fetch, and fetch without reading, ends the worker after a random time
 * in the middle of that, and looks whether the next one has what was acknowledged.
 *
 * Arguments: directory, driver, sockets, ending, rounds, seed. Prints `rounds N acknowledged N`.
 */

import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import { createTopics, produce } from '../support/calls.ts';
import { fetchPartition } from '../support/fetch-raw.ts';
import { Random } from '../support/random.ts';
import { encodeBatch } from '../support/record-batch.ts';
import { request, WireConnection } from '../support/wire.ts';
import { RequestWriter } from '../support/wire-fields.ts';

const [dir, driver, sockets, ending, rounds, seed] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const scene = new URL('./traffic-teardown-scene.ts', import.meta.url).href;
/** A worker does not take its parent's loader for TypeScript. */
const loadScene = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(scene)}); });`;
const codes: Record<string, number> = { natural: 0, exit: 7, uncaught: 1, terminate: 1 };
const random = new Random(Number(seed));
/** Bytes of the one record of a batch: the last two lie in bulk files. */
const SIZES = [100, 3_000, 100_000, 700_000];
/** By partition: how many records have been acknowledged. */
const acknowledged = [0, 0];

/** Produces into one partition until the broker is gone. */
async function produceOn(address: string, partition: number): Promise<void> {
  using connection = await WireConnection.open(address);
  for (;;) {
    const batch = encodeBatch([Buffer.alloc(SIZES[random.between(0, 3)] as number, partition)]);
    const { error, baseOffset } = await produce(connection, 'traffic', partition, batch, -1);
    if (error !== 0) return;
    acknowledged[partition] = baseOffset + 1;
  }
}

async function fetchOn(address: string, partition: number): Promise<void> {
  using connection = await WireConnection.open(address);
  for (let offset = 0; ; offset = (offset * 7 + 1) % ((acknowledged[partition] as number) + 1)) {
    await fetchPartition(connection, 'traffic', partition, offset);
  }
}

/** Asks for much and takes nothing. */
function neverRead(address: string): void {
  const [host = '', port] = address.split(':');
  const socket = connect(Number(port), host);
  socket.on('error', () => undefined).pause();
  const body = new RequestWriter()
    .int32(-1)
    .int32(0)
    .int32(1)
    .int32(1 << 20)
    .int8(0)
    .int32(1)
    .string('traffic');
  body
    .int32(1)
    .int32(0)
    .int64(0n)
    .int32(1 << 20);
  for (let id = 0; id < 40; id += 1) socket.write(request(1, 4, id, body.bytes()));
  // And a request that never becomes whole.
  socket.write(new RequestWriter().int32(900_000).raw(Buffer.alloc(60_000)).bytes());
}

async function endOffset(address: string, partition: number): Promise<number> {
  using connection = await WireConnection.open(address);
  return (await fetchPartition(connection, 'traffic', partition, 0)).highWatermark;
}

function resting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function round(isSecond: boolean): Promise<void> {
  const workerData = [dir, driver, sockets, ending];
  const worker = new Worker(loadScene, { eval: true, workerData });
  worker.on('error', () => undefined);
  const ended = new Promise<number>((resolve) => worker.once('exit', resolve));
  const port = await Promise.race([new Promise<number>((resolve) => worker.once('message', resolve)), ended]);
  const address = `127.0.0.1:${port}`;
  {
    using first = await WireConnection.open(address);
    await createTopics(first, 'traffic', 2);
  }
  for (const partition of [0, 1]) {
    const end = await endOffset(address, partition);
    if (end < (acknowledged[partition] as number)) throw new Error(`${end} of ${acknowledged[partition]} are left`);
  }
  const traffic = [0, 1].flatMap((partition) => [
    produceOn(address, partition).catch(() => undefined),
    fetchOn(address, partition).catch(() => undefined),
  ]);
  for (let peer = 0; peer < 3; peer += 1) neverRead(address);
  const before = acknowledged[0] as number;
  const limit = performance.now() + 30_000;
  // The moments of every second round count from an acknowledgement, which may be late on a busy machine.
  while (isSecond && acknowledged[0] === before && performance.now() < limit) await resting(1);
  await resting(random.between(1, 120));
  if (ending === 'terminate') void worker.terminate();
  else worker.postMessage('end');
  const code = await ended;
  if (code !== codes[ending]) throw new Error(`the worker ended with ${code}`);
  await Promise.all(traffic);
}

for (let count = 0; count < Number(rounds); count += 1) await round(count % 2 === 1);
process.stdout.write(`rounds ${rounds} acknowledged ${acknowledged[0] as number}\n`);
