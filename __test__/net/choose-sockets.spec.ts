/** The choice of sockets: forced ones fail with their reason, `auto` never does, and what is used is told. */

import { expect, test } from 'vitest';
import { openEngine } from '../../ts/io/engine.ts';
import { chooseSockets, type SocketsEngine } from '../../ts/net/choose-sockets.ts';

const report = { reason: '', direct: true, detail: '' };

/** An engine on `driver` where there are no sockets in a ring. */
function refusing(driver: 'ring' | 'pool'): SocketsEngine {
  return {
    driver: { ...report, driver },
    openSockets: () => {
      throw new Error('0 io_uring_register: EINVAL');
    },
  };
}

test('auto takes what Node has when the driver is no ring, without asking for one', () => {
  const { ring, report } = chooseSockets('auto', refusing('pool'), 10);
  expect(ring).toBeUndefined();
  expect(report).toEqual({ sockets: 'node', reason: 'the driver is pool' });
});

test('auto takes what Node has when the ring is refused, and says why', () => {
  const { ring, report } = chooseSockets('auto', refusing('ring'), 10);
  expect(ring).toBeUndefined();
  expect(report.sockets).toBe('node');
  expect(report.reason).toBe('no sockets in a ring: io_uring_register: EINVAL');
});

test('a forced ring that is not to be had fails with the reason', () => {
  expect(() => chooseSockets('ring', refusing('ring'), 10)).toThrow(
    expect.objectContaining({ code: 'MILLRACE_DRIVER', message: expect.stringContaining('EINVAL') }),
  );
});

test('an unknown choice is refused', () => {
  expect(() => chooseSockets('epoll' as never, refusing('ring'), 10)).toThrow(
    expect.objectContaining({ code: 'MILLRACE_OPTION' }),
  );
});

test('a forced ring is opened beside any driver', async () => {
  const engine = openEngine('/sim', { sim: { seed: 1, id: `choose-${process.pid}` } });
  const { ring, report } = chooseSockets('ring', engine, 10);
  expect(report.sockets).toBe('ring');
  await ring?.close();
  await ring?.close();
  await engine.close();
});
