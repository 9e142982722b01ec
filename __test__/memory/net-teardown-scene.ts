/**
 * One scene of the teardown tests of sockets, run in a process or worker of its own: brings sockets in a ring to a stage,
 * and ends the environment in one way.
 *
 * Arguments: directory, stage, ending.
 */

import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { openEngine } from '../../ts/io/engine.ts';
import { RingNet, type RingUser } from '../../ts/net/ring-net.ts';

const [dir, stage, ending] = (workerData ?? process.argv.slice(2)) as [string, string, string];

const engine = openEngine(dir, { driver: 'pool' });
const sizes = { slotBytes: 16_384, slots: 64, gatherBytes: 64 << 20, maxConnections: 100 };
const net = new RingNet((wake) => engine.openSockets(sizes, wake));

/** Ends the environment; `natural` and `terminate` just go on. */
function end(): void {
  if (ending === 'exit') process.exit(7);
  if (ending === 'uncaught') throw new Error('scene ends here');
  if (ending === 'natural') void net.close().then(() => engine.close());
}

function user(connection: number): RingUser {
  return {
    frame(_bytes, _start, _end, token) {
      if (stage === 'held') return;
      net.release(token);
      // More than the sockets' buffers hold: the client does not read.
      const large = new Uint8Array(32 << 20);
      if (stage === 'sending') net.send(connection, large, 0, large.length);
      if (stage === 'callback') end();
    },
    sent: () => undefined,
    closed: () => undefined,
  };
}

const { port } = net.listen('127.0.0.1', 0, 1, 1 << 26, { accept: user, refused: () => undefined });

function client(bytes: Buffer): void {
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  socket.on('error', () => undefined);
  socket.pause();
  socket.unref();
}

const whole = Buffer.concat([Buffer.from([0, 0, 0, 3]), Buffer.from('abc')]);
/** The beginning of a frame of 16 MiB. */
const partial = Buffer.concat([Buffer.from([1, 0, 0, 0]), Buffer.alloc(100_000)]);
if (stage !== 'idle') {
  for (let number = 0; number < 10; number += 1) client(stage === 'gathering' ? partial : whole);
}
if (stage === 'closing') setTimeout(() => void net.close(), 20);
if (ending === 'terminate') setInterval(() => undefined, 1000);
parentPort?.postMessage('staged');
if (stage !== 'callback') setTimeout(end, 40);
else setTimeout(() => undefined, 200);
