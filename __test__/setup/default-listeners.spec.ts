/** What `npm start` serves when it is told nothing. */

import { type AddressInfo, createServer } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { withDefaultListeners } from '../../ts/setup/default-listeners.mjs';

afterEach(() => vi.restoreAllMocks());

/** A listener on a free port of this machine. */
async function listener(): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  return { port: (server.address() as AddressInfo).port, close };
}

test('a bare start serves Redis clients when their port is free', async () => {
  const { port, close } = await listener();
  await close();
  expect(await withDefaultListeners([], port)).toEqual(['--redis', `127.0.0.1:${port}`]);
});

test('a port that somebody else has is left to them, and that is said', async () => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const { port, close } = await listener();
  expect(await withDefaultListeners([], port)).toEqual([]);
  expect(said).toHaveBeenCalledWith(expect.stringContaining(`port ${port} is in use`));
  await close();
});

test('arguments are passed on as they are', async () => {
  expect(await withDefaultListeners(['--kafka', '127.0.0.1:19092'])).toEqual(['--kafka', '127.0.0.1:19092']);
});
