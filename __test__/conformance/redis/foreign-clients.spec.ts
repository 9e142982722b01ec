/** Clients of Redis in Python, Go and Java, unmodified, against our server in both protocols. */
import { describe, expect, it } from 'vitest';
import { openOwn } from '../../redis/support/redis-servers.ts';
import { type ForeignProgram, goClient, javaClient, pythonClient } from './foreign-clients.ts';

const clients: readonly (readonly [name: string, install: () => Promise<ForeignProgram>])[] = [
  ['redis-py 8', pythonClient],
  ['go-redis 9', goClient],
  ['Jedis 6', javaClient],
];

describe.each(clients)('%s', (_, install) => {
  it('works over RESP2 and RESP3', async () => {
    const program = await install();
    await using own = await openOwn('ring');
    for (const protocol of [2, 3]) expect(await program(own.port, protocol)).toContain('done\n');
  }, 240_000);
});
