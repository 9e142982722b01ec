/**
 * A server with something in it for the console to show: topics with records of every kind, groups that lag, stores.
 *
 * Not a test. To remember: all of it is the same in every run but times and ids, so that what pages show can be asserted.
 */
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import { Level } from '../../ts/io/native-types.ts';
import type { Store } from '../../ts/kv/store.ts';
import { Stores } from '../../ts/kv/stores.ts';
import type { HttpOptions, MillraceServer, ServeOptions } from '../../ts/serve.ts';
import { partsOf } from '../../ts/server-parts.ts';
import { SimulatedDisk } from '../../ts/testing/index.ts';

export interface Scene extends AsyncDisposable {
  readonly server: MillraceServer;
  /** Of the console, without a path. */
  readonly url: string;
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly producer: Producer;
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** A view as JSON; throws what the server says when it refuses. */
  view<T>(name: string): Promise<T>;
}

/** Serves a simulated disk with a console, and connects to it. */
export async function openScene(http: HttpOptions = {}, options: Omit<ServeOptions, 'dir'> = {}): Promise<Scene> {
  const disk = new SimulatedDisk();
  const server = await disk.serve({
    ...options,
    http: { port: 0, ...http },
    settings: { 'group.initial.rebalance.delay.ms': 0, ...options.settings },
  });
  const url = `http://127.0.0.1:${server.http?.port}`;
  const kafka = new Kafka({ brokers: [`127.0.0.1:${server.kafka.port}`], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer();
  await Promise.all([admin.connect(), producer.connect()]);
  const ask = (path: string, init?: RequestInit): Promise<Response> => fetch(`${url}${path}`, init);
  return {
    server,
    url,
    kafka,
    admin,
    producer,
    ask,
    view: async <T>(name: string) => {
      const response = await ask(`/console/api/${name}`);
      const value = (await response.json()) as T & { error?: string };
      if (!response.ok) throw new Error(value.error);
      return value;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
      await server.close();
      disk[Symbol.dispose]();
    },
  };
}

/** Orders as JSON, spread over partitions by key; `count` of them. */
export async function produceOrders({ admin, producer }: Scene, count: number): Promise<void> {
  await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 4 }] });
  const messages = Array.from({ length: count }, (_, number) => ({
    key: `customer-${number % 17}`,
    value: JSON.stringify({
      order: 1000 + number,
      total: ((number * 37) % 900) / 10,
      currency: number % 3 === 0 ? 'EUR' : 'USD',
      items: [{ sku: `A-${number % 9}`, amount: 1 + (number % 4) }],
    }),
    headers: { trace: `t-${number}`, source: number % 2 === 0 ? 'web' : 'shop' },
    timestamp: String(Date.UTC(2026, 10, 22) + number * 1000),
  }));
  for (let from = 0; from < count; from += 500) {
    await producer.send({ topic: 'orders', messages: messages.slice(from, from + 500) });
  }
}

/** Has a group commit `offset` in every partition of the orders, as a consumer that is gone. */
export async function commitOrders({ server }: Scene, group: string, offset: number): Promise<void> {
  const committed = { offset, leaderEpoch: -1, metadata: '', committedMs: Date.now() };
  const commits = [0, 1, 2, 3].map((partition) => ({ topic: 'orders', partition, committed }));
  await new Promise((done) => partsOf(server).broker.context.offsets.commit(group, commits, done));
}

/** Puts text under text keys into a store that it makes when it is not there. */
export async function putKeys(
  { server }: Scene,
  name: string,
  entries: readonly (readonly [key: string, value: string, expiresMs?: number])[],
): Promise<void> {
  const stores = Stores.of(partsOf(server).engine);
  const store = await new Promise<Store>((resolve, reject) => {
    stores.open(name, (opened, code) => (opened ? resolve(opened) : reject(new Error(`code ${code}`))));
  });
  const effects = entries.map(([key, value, expiresMs = 0]) => {
    return { kind: 'kvPut' as const, store: store.id, key: Buffer.from(key), value: Buffer.from(value), expiresMs };
  });
  await new Promise<void>((done) => store.write(effects, Level.durable, () => done()));
}
