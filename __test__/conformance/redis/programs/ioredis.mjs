/** ioredis 5 and 6, unmodified: pipelines, transactions, binary values, scans, pub/sub, locks by the library redlock. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { createRequire } from 'node:module';

const [port, packages, name = 'ioredis'] = process.argv.slice(2);
const require = createRequire(packages);
const { Redis } = require(name);
const { default: Redlock } = require('redlock');

const client = new Redis(Number(port), '127.0.0.1', { maxRetriesPerRequest: 1 });
equal(await client.set('a', '1'), 'OK');
equal(await client.get('a'), '1');
equal(await client.incrby('a', 41), 42);
equal(await client.set('a', 'x', 'EX', 100, 'NX'), null);
const bytes = Buffer.from([0, 13, 10, 255]);
await client.set('binary', bytes);
deepEqual(await client.getBuffer('binary'), bytes);

const pipeline = client.pipeline();
for (let index = 0; index < 500; index += 1) pipeline.set(`key:${index}`, index).get(`key:${index}`);
const replies = await pipeline.exec();
equal(replies.length, 1000);
ok(replies.every(([error]) => error === null));
equal(replies[999][1], '499');

const results = await client.multi().set('m', '1').incr('m').hset('h', 'f', 'v').hgetall('h').exec();
deepEqual(
  results.map(([, value]) => value),
  ['OK', 2, 1, { f: 'v' }],
);
await rejects(client.lpush('a', 'x'), /WRONGTYPE/);

const found = new Set();
for await (const keys of client.scanStream({ match: 'key:*', count: 50 })) for (const key of keys) found.add(key);
equal(found.size, 500);

const listener = client.duplicate();
const message = new Promise((resolve) => listener.on('message', (channel, text) => resolve([channel, text])));
await listener.subscribe('news');
equal(await client.publish('news', 'hello'), 1);
deepEqual(await message, ['news', 'hello']);

const redlock = new Redlock([client], { retryCount: 0 });
const lock = await redlock.acquire(['lock:one', 'lock:two'], 5000);
await rejects(redlock.acquire(['lock:two'], 5000));
const longer = await lock.extend(9000);
ok((await client.pttl('lock:one')) > 5000);
await longer.release();
equal(await client.exists('lock:one', 'lock:two'), 0);
await redlock.using(['lock:one'], 5000, async () => equal(await client.exists('lock:one'), 1));

listener.disconnect();
await client.quit();
