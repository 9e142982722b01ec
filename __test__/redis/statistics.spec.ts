/** What INFO and the metrics count is counted, whichever way a command goes. */
import { describe, expect, it } from 'vitest';
import { serve } from '../../ts/serve.ts';
import { scratch } from '../support/scratch.ts';
import { openOwn } from './support/redis-servers.ts';
import { RespConnection } from './support/resp-connection.ts';

async function stats(client: RespConnection): Promise<Record<string, number>> {
  const text = String(await client.run('INFO', 'stats'));
  return Object.fromEntries(
    text.split('\r\n').flatMap((line) => {
      const [name, value] = line.split(':');
      return name === undefined || value === undefined ? [] : [[name, Number(value)]];
    }),
  );
}

describe('INFO stats', () => {
  it.each([
    ['short', '10000'],
    ['long', '0'],
  ])('counts keys found and not found, commands and bytes, the %s way', async (_, slowerThan) => {
    await using own = await openOwn('node', { limits: { sweepMs: 50 } });
    using client = await RespConnection.open(own.port);
    await client.run('CONFIG', 'SET', 'slowlog-log-slower-than', slowerThan);
    await client.run('CONFIG', 'RESETSTAT');
    await client.run('SET', 'a', 'value');
    await client.run('GET', 'a');
    await client.run('GET', 'b');
    await client.run('MGET', 'a', 'b', 'c');
    await client.run('EXISTS', 'a');
    // Commands that write look as well, and are not counted.
    await client.run('INCR', 'n');
    await client.run('APPEND', 'a', 'x');
    const counted = await stats(client);
    expect(counted).toMatchObject({ keyspace_hits: 3, keyspace_misses: 3, total_commands_processed: 8 });
    const sent = ['*2\r\n$3\r\nGET\r\n$1\r\na\r\n'].join('').length;
    const before = counted.total_net_input_bytes ?? 0;
    const sentBefore = counted.total_net_output_bytes ?? 0;
    for (let round = 0; round < 200; round += 1) await client.run('GET', 'a');
    const after = await stats(client);
    expect((after.total_net_input_bytes ?? 0) - before).toBe(200 * sent + '*2\r\n$4\r\nINFO\r\n$5\r\nstats\r\n'.length);
    expect((after.total_net_output_bytes ?? 0) - sentBefore).toBeGreaterThan(200 * '$6\r\nvaluex\r\n'.length);
    await expect
      .poll(async () => {
        for (let round = 0; round < 20; round += 1) await client.run('GET', 'a');
        return (await stats(client)).instantaneous_ops_per_sec;
      })
      .toBeGreaterThan(0);
  });
});

describe('metrics', () => {
  it("tell the same by redis_exporter's names", async () => {
    using place = scratch('redis-metrics');
    await using server = await serve({
      dir: `${place.path}/data`,
      driver: 'pool',
      kafka: { port: 0 },
      redis: { port: 0 },
      http: { port: 0 },
    });
    using client = await RespConnection.open(server.redis?.port ?? 0);
    await client.run('SET', 'a', '1');
    await client.run('GET', 'a');
    await client.run('GET', 'b');
    const reply = await fetch(`http://127.0.0.1:${server.http?.port}/metrics`);
    const text = await reply.text();
    for (const line of [
      'redis_keyspace_hits_total 1',
      'redis_keyspace_misses_total 1',
      'redis_commands_processed_total 3',
      'redis_connected_clients 1',
      'redis_net_output_bytes_total 17',
    ]) {
      expect(text).toContain(`\n${line}\n`);
    }
  });
});
