/** node-redis 5 and 6, unmodified, over RESP2 and RESP3: types of replies, transactions with WATCH, iterators, pub/sub. */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { createRequire } from 'node:module';

const [port, packages, name = 'redis'] = process.argv.slice(2);
const require = createRequire(packages);
const { createClient, RESP_TYPES, WatchError } = require(name);

for (const RESP of [2, 3]) {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP, socket: { reconnectStrategy: false } });
  client.on('error', (error) => {
    throw error;
  });
  await client.connect();
  await client.flushAll();
  equal(await client.set('a', '1', { expiration: { type: 'EX', value: 100 } }), 'OK');
  equal(await client.get('a'), '1');
  equal(await client.get('none'), null);
  equal(await client.ttl('a'), 100);
  const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  await client.set('binary', Buffer.from([0, 255]));
  deepEqual(await binary.get('binary'), Buffer.from([0, 255]));
  // What is asked for in one turn goes as one pipeline.
  const many = await Promise.all(Array.from({ length: 300 }, (_, index) => client.set(`key:${index}`, String(index))));
  equal(many.filter((reply) => reply === 'OK').length, 300);
  const values = await client.mGet(['key:0', 'key:299', 'none']);
  deepEqual([...values], ['0', '299', null]);
  deepEqual([...(await client.multi().set('m', '1').incr('m').get('m').exec())], ['OK', 2, '2']);
  equal(await client.hSet('h', { one: '1', two: '2' }), 2);
  deepEqual({ ...(await client.hGetAll('h')) }, { one: '1', two: '2' });
  const other = client.duplicate();
  await other.connect();
  await client.watch('m');
  await other.set('m', '9');
  await rejects(client.multi().set('m', '3').exec(), WatchError);
  let found = 0;
  for await (const keys of client.scanIterator({ MATCH: 'key:*' })) found += keys.length;
  equal(found, 300);
  const message = new Promise((resolve) => {
    void other.subscribe('news', (text, channel) => resolve([channel, text])).then(() => client.publish('news', 'hi'));
  });
  deepEqual(await message, ['news', 'hi']);
  await other.close();
  await client.close();
}
