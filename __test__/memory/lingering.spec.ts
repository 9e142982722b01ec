/** A peer that never reads cannot keep a connection that is being finished, nor what is queued for it. */

import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { openEngine } from '../../ts/io/engine.ts';
import { RingNet } from '../../ts/net/ring-net.ts';

const LINGER_MS = 200;

test('a connection that is being finished ends when its peer takes nothing any more', async () => {
  const engine = openEngine('/sim', { sim: { seed: 1, id: `lingering-${process.pid}` } });
  const sizes = { slotBytes: 4096, slots: 16, gatherBytes: 1 << 20, maxConnections: 10 };
  const net = new RingNet((wake) => engine.openSockets(sizes, wake), undefined, LINGER_MS);
  const large = new Uint8Array(32 << 20);
  let tellEnd: (taken: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => {
    tellEnd = resolve;
  });
  let taken = 0;
  const accept = (connection: number) => {
    net.send(connection, large, 0, large.length);
    net.finish(connection);
    return {
      frame: () => undefined,
      sent: (bytes: number) => {
        taken = bytes;
      },
      closed: () => tellEnd(taken),
    };
  };
  const { port } = net.listen('127.0.0.1', 0, 0, 1, { accept, refused: () => undefined });
  const socket = connect(port, '127.0.0.1').pause();
  socket.on('error', () => undefined);
  expect(await ended).toBeLessThan(large.length);
  expect(net.counters().connections).toBe(0);
  socket.destroy();
  await net.close();
  await engine.close();
});
