/**
 * ioredis, unmodified: a counter under MULTI, a lock that only its owner gives back, pub/sub and a scan, then a power cut that
 * loses nothing of it. With a server's address as argument it does the same there, without the power cut.
 */
import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startTestBroker } from 'millrace/testing';

const broker = process.argv[2] === undefined ? await startTestBroker({ redis: true }) : undefined;
const url = process.argv[2] ?? broker.redisUrl;
const client = new Redis(url);
const prefix = `example:${process.pid}`;

const [[, visits]] = await client.multi().incrby(`${prefix}:visits`, 3).expire(`${prefix}:visits`, 3600).exec();
assert.equal(visits, 3);

// A lock: taken once, and given back by nobody but its owner.
assert.equal(await client.set(`${prefix}:lock`, 'me', 'PX', 30_000, 'NX'), 'OK');
assert.equal(await client.set(`${prefix}:lock`, 'you', 'PX', 30_000, 'NX'), null);
const giveBack = `if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end`;
assert.equal(await client.eval(giveBack, 1, `${prefix}:lock`, 'you'), 0);
assert.equal(await client.eval(giveBack, 1, `${prefix}:lock`, 'me'), 1);

const listener = client.duplicate();
const heard = new Promise((resolve) => listener.once('message', (_, message) => resolve(message)));
await listener.subscribe(`${prefix}:news`);
await client.publish(`${prefix}:news`, 'hello');
assert.equal(await heard, 'hello');
await listener.quit();

await client.mset(
  Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${prefix}:user:${index}`, `${index}`])),
);
await broker?.cutPower();

const found = new Set();
for await (const keys of client.scanStream({ match: `${prefix}:user:*` })) for (const key of keys) found.add(key);
assert.equal(found.size, 100);
assert.equal(await client.get(`${prefix}:visits`), '3');
await client.del(`${prefix}:visits`, ...found);
await client.quit();
await broker?.close();
console.log('100 users and 3 visits are there');
