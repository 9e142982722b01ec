/** Keyv's public suite, unmodified, over a store. */

import keyvTestSuite, { keyvIteratorTests } from '@keyv/test-suite';
import Keyv from 'keyv';
import * as vitest from 'vitest';
import { expect, test } from 'vitest';
import { KeyvMillrace, openKeyv } from '../../ts/keyv/index.ts';
import { openKv } from '../../ts/kv/index.ts';
import { scratch } from '../support/scratch.ts';

const place = scratch('keyv');
const kv = await openKv(`${place.path}/data`, { driver: 'pool', valueEncoding: 'utf8' });
vitest.afterAll(async () => {
  await kv.close();
  place[Symbol.dispose]();
});

vitest.describe('the suite', () => {
  keyvTestSuite(vitest, Keyv, () => new KeyvMillrace(kv));
});

vitest.describe('its iterators', () => {
  keyvIteratorTests(vitest, Keyv, () => new KeyvMillrace(kv));
});

test('a time to live is the store’s own: the key is gone without being read', async () => {
  const keyv = new Keyv({ store: new KeyvMillrace(kv), namespace: 'ttl' });
  await keyv.set('short', 'x', 60);
  expect(await kv.has('ttl:short')).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 90));
  expect(await kv.has('ttl:short')).toBe(false);
});

test('what Keyv has set is there after a restart', async () => {
  const dir = `${place.path}/restart`;
  const first = new Keyv({ store: await openKeyv(dir, { driver: 'pool' }) });
  await first.set('k', { n: 1 });
  await first.disconnect();
  const second = new Keyv({ store: await openKeyv(dir, { driver: 'pool' }) });
  expect(await second.get('k')).toEqual({ n: 1 });
  await second.disconnect();
});
