/**
 * The process whose expenses the ledger notes: a server of both protocols and a store, as they are installed. It does what
 * it is told by messages, and says what it has spent since it started.
 *
 * Invariant: between two snapshots it does nothing of its own; the load is another process.
 */
import { join } from 'node:path';

/** What it is told. */
export type Order =
  | { readonly what: 'snapshot' }
  /** Collects garbage, so that what the heap grows by afterwards is what was allocated. */
  | { readonly what: 'collect' }
  | {
      readonly what: 'work';
      readonly name: 'kv-get' | 'kv-put';
      readonly callers: number;
      readonly operations: number;
    };

/** What it has spent so far. */
export interface Spent {
  readonly callsIn: number;
  readonly callbacksOut: number;
  /** `io_uring_enter` of storage and sockets. */
  readonly enters: number;
  readonly commits: number;
  readonly sends: number;
  /** Bytes of requests and replies that the addon has copied. */
  readonly copied: number;
  readonly cpuMicros: number;
  /** Bytes of V8's heap in use. */
  readonly heap: number;
}

/** What it answers: ports first, then one answer an order. */
export interface Ports {
  readonly pid: number;
  readonly kafka: number;
  readonly redis: number;
}

const installed = new URL('../../dist/index.js', import.meta.url).href;
const { openKv, serve }: typeof import('../../ts/index.ts') = await import(installed);

const directory = process.argv[2] ?? '';
const server = await serve({ dir: join(directory, 'server'), kafka: { port: 0 }, redis: { port: 0 } });
const kv = await openKv(join(directory, 'kv'));
await kv.put('key', Buffer.alloc(100, 'v'));

function snapshot(): Spent {
  const all = [server.counters(), kv.engine.counters()];
  const of = (...names: readonly string[]): number =>
    all.reduce((sum, counters) => names.reduce((part, name) => part + (counters[name] ?? 0), sum), 0);
  const { user, system } = process.cpuUsage();
  return {
    callsIn: of('callsIn', 'sockets.callsIn'),
    callbacksOut: of('callbacksOut', 'sockets.callbacksOut'),
    enters: of('enters', 'sockets.enters'),
    commits: of('commits'),
    sends: of('sockets.sends'),
    copied: of('bytesCopied', 'sockets.bytesCopied'),
    cpuMicros: user + system,
    heap: process.memoryUsage().heapUsed,
  };
}

async function work(name: 'kv-get' | 'kv-put', callers: number, operations: number): Promise<number[]> {
  const value = Buffer.alloc(100, 'v');
  const latencies = new Float64Array(operations);
  let begun = 0;
  const call = async (): Promise<void> => {
    while (begun < operations) {
      const number = begun;
      begun += 1;
      const from = performance.now();
      await (name === 'kv-get' ? kv.get('key') : kv.put('key', value));
      latencies[number] = performance.now() - from;
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  latencies.sort();
  return [latencies[operations >> 1] ?? 0];
}

async function answer(order: Order): Promise<unknown> {
  if (order.what === 'snapshot') return snapshot();
  if (order.what === 'collect') return global.gc?.();
  return work(order.name, order.callers, order.operations);
}

process.on('message', async (order: Order) => process.send?.({ answer: await answer(order) }));
process.on('disconnect', () => process.exit());
const ports: Ports = { pid: process.pid, kafka: server.kafka.port, redis: server.redis?.port ?? 0 };
process.send?.({ answer: ports });
