/** Jest's set-up and teardown, called as jest calls them. */
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import setup from '../../ts/testing/jest-setup.ts';
import teardown from '../../ts/testing/jest-teardown.ts';

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.unref();
  });
}

it('serves between set-up and teardown, where the environment says', async () => {
  await setup();
  const [, port] = (process.env.MILLRACE_TEST_BROKERS ?? '').split(':');
  expect(await accepts(Number(port))).toBe(true);
  await teardown();
  expect(await accepts(Number(port))).toBe(false);
  await expect(teardown()).resolves.toBeUndefined();
});
