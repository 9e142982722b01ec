/** Clients of Redis that people use, unmodified, against our server on both kinds of sockets. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { carriers, openOwn } from '../../redis/support/redis-servers.ts';
import { installClients } from './install-clients.ts';

const LIMIT_MS = 30_000;

let packages = '';

/** Runs a program to its end, with the client that is installed under this name; answers its exit code and what it complained of. */
function run(program: string, port: number, name: string): Promise<{ code: number | null; complaints: string }> {
  const path = fileURLToPath(new URL(`programs/${program}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [path, String(port), packages, name], { stdio: ['ignore', 'ignore', 'pipe'] });
  const hurry = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints += String(chunk);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(hurry);
      resolve({ code, complaints });
    });
  });
}

beforeAll(async () => {
  packages = await installClients();
}, 120_000);

describe.each(carriers.filter((carrier) => carrier !== 'sim'))('over %s', (carrier) => {
  it.each([
    ['ioredis 5 and redlock 5', 'ioredis', 'ioredis'],
    ['ioredis 6 and redlock 5', 'ioredis', 'ioredis6'],
    ['node-redis 5', 'node-redis', 'redis'],
    ['node-redis 6', 'node-redis', 'redis6'],
    ['connect-redis 9 and cache-manager 7', 'stores', ''],
  ])(
    '%s work',
    async (_, program, name) => {
      await using own = await openOwn(carrier);
      expect(await run(program, own.port, name)).toEqual({ code: 0, complaints: '' });
    },
    40_000,
  );
});
