/**
 * node-redis, unmodified, on RESP3: a hash as an object, a leaderboard, optimistic locking with WATCH, and a cache in the
 * client that hears of changes. With a server's address as argument it runs there.
 */
import assert from 'node:assert/strict';
import { startTestBroker } from 'millrace/testing';
import { createClient, WatchError } from 'redis';

const broker = process.argv[2] === undefined ? await startTestBroker({ redis: true }) : undefined;
const url = process.argv[2] ?? broker.redisUrl;
const client = await createClient({ url, RESP: 3 }).connect();
const prefix = `example:${process.pid}`;
const [user, board, stock] = [`${prefix}:ada`, `${prefix}:board`, `${prefix}:stock`];

await client.hSet(user, { name: 'Ada', city: 'London' });
assert.deepEqual({ ...(await client.hGetAll(user)) }, { name: 'Ada', city: 'London' });

await client.zAdd(board, [
  { value: 'ada', score: 7 },
  { value: 'bob', score: 3 },
]);
await client.zIncrBy(board, 5, 'bob');
assert.deepEqual(await client.zRangeWithScores(board, 0, 0, { REV: true }), [{ value: 'bob', score: 8 }]);

// The last piece: whoever sees it change under his hands takes nothing.
await client.set(stock, '1');
const other = await client.duplicate().connect();
await other.watch(stock);
await client.decr(stock);
await assert.rejects(() => other.multi().decr(stock).exec(), WatchError);
assert.equal(await client.get(stock), '0');
other.destroy();

await client.del([user, board, stock]);
await client.close();
await broker?.close();
console.log('a user, a leaderboard, and one last piece sold once');
