/** What web applications put on Redis, unmodified: sessions (connect-redis) and a cache (cache-manager over Keyv). */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [port, packages] = process.argv.slice(2);
const require = createRequire(packages);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { createClient } = require('redis');
const { RedisStore } = await load('connect-redis');
const { createCache } = await load('cache-manager');
const { createKeyv } = await load('@keyv/redis');

const url = `redis://127.0.0.1:${port}`;
const client = createClient({ url });
await client.connect();
await client.flushAll();

const store = new RedisStore({ client, prefix: 'session:' });
const call = (method, ...args) =>
  new Promise((resolve, reject) => {
    store[method](...args, (error, value) => (error ? reject(error) : resolve(value)));
  });
const session = { cookie: { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000) }, user: 'someone' };
await call('set', 'one', session);
await call('set', 'two', session);
equal((await call('get', 'one')).user, 'someone');
ok((await client.ttl('session:one')) > 50);
await call('touch', 'one', session);
deepEqual((await call('ids')).sort(), ['one', 'two']);
equal(await call('length'), 2);
await call('destroy', 'one');
equal(await call('get', 'one'), null);
await call('clear');
equal(await call('length'), 0);

const keyv = createKeyv(url);
const cache = createCache({ stores: [keyv], ttl: 60_000 });
await cache.set('answer', { value: 42 });
deepEqual(await cache.get('answer'), { value: 42 });
equal(await cache.get('none'), undefined);
let made = 0;
const make = async () => {
  made += 1;
  return 'made';
};
equal(await cache.wrap('wrapped', make), 'made');
equal(await cache.wrap('wrapped', make), 'made');
equal(made, 1);
await cache.mset([
  { key: 'a', value: 1 },
  { key: 'b', value: 2 },
]);
deepEqual(await cache.mget(['a', 'b', 'c']), [1, 2, undefined]);
await cache.del('answer');
equal(await cache.get('answer'), undefined);
await cache.clear();
equal(await cache.get('a'), undefined);
await cache.disconnect();
await client.close();
