/**
 * kv against a Redis server, ours or another: GET and SET of keys of the bench's own, which are deleted in the end.
 *
 * Invariant: no key without the bench's prefix is read or written.
 */
import { formatAddress } from '../options.ts';
import { kvConditions } from './embedded.ts';
import { payload } from './payload.ts';
import { RedisConnection } from './redis-connection.ts';
import { type KvBenchOptions, ownName, type Workload } from './workload.ts';

/** Keys of one round of preparation: many on their way, and no more than fit into memory. */
const some = 1000;

/** One SET or GET an operation. The password comes from REDISCLI_AUTH. */
export async function kvOverRedis(options: KvBenchOptions): Promise<Workload> {
  const connections: RedisConnection[] = [];
  const closeAll = (): void => {
    for (const connection of connections) connection[Symbol.dispose]();
  };
  try {
    const password = process.env.REDISCLI_AUTH;
    while (connections.length < options.clients) connections.push(await RedisConnection.open(options.redis, password));
    const value = payload(options.size);
    const prefix = ownName();
    const keys = Array.from({ length: options.keys }, (_, index) => `${prefix}:${String(index).padStart(12, '0')}`);
    const of = (client: number): RedisConnection => connections[client % connections.length] as RedisConnection;
    for (let from = 0; from < keys.length; from += some) {
      await Promise.all(keys.slice(from, from + some).map((key, index) => of(index).command('SET', key, value)));
    }
    const anyKey = (): string => keys[Math.floor(Math.random() * keys.length)] ?? '';
    return {
      conditions: {
        target: `redis ${formatAddress(options.redis)}`,
        policy: "the server's own (appendfsync)",
        connections: options.clients,
        ...kvConditions(options),
      },
      bytesEach: options.size,
      recordsEach: 1,
      async operate(client) {
        if (Math.random() * 100 < options.reads) await of(client).command('GET', anyKey());
        else await of(client).command('SET', anyKey(), value);
        return 1;
      },
      async [Symbol.asyncDispose]() {
        try {
          for (let from = 0; from < keys.length; from += some) {
            await of(0).command('DEL', ...keys.slice(from, from + some));
          }
        } finally {
          closeAll();
        }
      },
    };
  } catch (error) {
    closeAll();
    throw error;
  }
}
