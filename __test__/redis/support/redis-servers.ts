/** Our server in this process, and Debian's redis-server beside it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { openEngine } from '../../../ts/io/engine.ts';
import { chooseSockets } from '../../../ts/net/choose-sockets.ts';
import type { RingNet } from '../../../ts/net/ring-net.ts';
import type { AppendFsync, RedisLimits } from '../../../ts/redis/redis-server.ts';
import { RedisServer } from '../../../ts/redis/redis-server.ts';
import type { SimulatedDisk } from '../../../ts/testing/index.ts';
import { scratch } from '../../support/scratch.ts';

/** What carries the connections of a test, and on which driver. */
export const carriers = ['ring', 'node', 'sim'] as const;
export type Carrier = (typeof carriers)[number];

export interface OwnOptions {
  readonly appendFsync?: AppendFsync;
  readonly password?: string;
  readonly settings?: Record<string, string>;
  readonly limits?: Partial<RedisLimits>;
  readonly memoryBytes?: number;
  /** Where the data lies; a directory of its own without. */
  readonly dir?: string;
  /** A simulated disk to lie on; the carrier says what carries connections. */
  readonly disk?: SimulatedDisk;
}

export interface OwnServer extends AsyncDisposable {
  readonly port: number;
  readonly server: RedisServer;
  readonly lines: string[];
  readonly ring: RingNet | undefined;
}

const policies = { always: 'always', everysec: { intervalMs: 1000 }, no: 'os' } as const;

/** Opens our server on a free port. */
export async function openOwn(carrier: Carrier, options: OwnOptions = {}): Promise<OwnServer> {
  const place = scratch('redis');
  const { appendFsync = 'no', disk, memoryBytes } = options;
  const dir = disk?.directory ?? options.dir ?? `${place.path}/data`;
  const engine = openEngine(dir, {
    driver: carrier === 'node' ? 'pool' : carrier,
    flush: policies[appendFsync],
    ...(carrier === 'sim' ? { sim: { seed: 1, id: dir } } : {}),
    ...disk?.options,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  });
  const { ring } = chooseSockets(carrier === 'ring' ? 'ring' : 'node', engine, 1000);
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const server = await RedisServer.open({
    engine,
    ring,
    appendFsync,
    password: options.password,
    settings: options.settings,
    limits: options.limits ?? {},
    print,
  });
  const { port } = await server.listen(0, '127.0.0.1');
  return {
    port,
    server,
    lines,
    ring,
    async [Symbol.asyncDispose]() {
      await server.close(500);
      await ring?.close();
      await engine.close();
      place[Symbol.dispose]();
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Starts redis-server without persistence. A system without it fails here: `npm test` installs it. */
export async function openTheirs(): Promise<{ readonly port: number; [Symbol.asyncDispose](): Promise<void> }> {
  const port = await freePort();
  const child: ChildProcess = spawn('redis-server', ['--port', String(port), '--save', '', '--bind', '127.0.0.1'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`redis-server ended with ${code}`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.includes('Ready to accept connections')) resolve();
    });
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
