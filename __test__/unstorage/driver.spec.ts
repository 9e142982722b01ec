/** What unstorage, unmodified, asks of a driver: its own suite is not published, this follows it promise by promise. */

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openKv } from '../../ts/kv/index.ts';
import { type MillraceDriver, millraceDriver } from '../../ts/unstorage/index.ts';
import { installPinned } from '../support/pinned-packages.ts';
import { scratch } from '../support/scratch.ts';

/** What these tests call of unstorage's storage; its types are not here before it is installed. */
interface Storage {
  hasItem(key: string): Promise<boolean>;
  getItem(key: string): Promise<unknown>;
  getItems(items: readonly (string | { key: string })[]): Promise<{ key: string; value: unknown }[]>;
  getItemRaw(key: string): Promise<Uint8Array | null>;
  setItem(key: string, value: unknown, options?: { ttl?: number }): Promise<void>;
  setItems(items: readonly { key: string; value: unknown }[]): Promise<void>;
  setItemRaw(key: string, value: Uint8Array): Promise<void>;
  removeItem(key: string): Promise<void>;
  getMeta(key: string): Promise<{ ttl?: number }>;
  getKeys(base?: string, options?: { maxDepth?: number }): Promise<string[]>;
  clear(base?: string): Promise<void>;
  watch(callback: (event: string, key: string) => void): Promise<() => Promise<void>>;
  dispose(): Promise<void>;
}

const place = scratch('unstorage');
let createStorage: (options: { driver: MillraceDriver }) => Storage;
let storage: Storage;

beforeAll(async () => {
  const packages = createRequire(await installPinned(import.meta.dirname, 'unstorage'));
  ({ createStorage } = await import(pathToFileURL(packages.resolve('unstorage')).href));
  storage = createStorage({ driver: millraceDriver({ dir: `${place.path}/data`, driver: 'pool' }) });
}, 120_000);
afterEach(() => storage.clear());
afterAll(async () => {
  await storage.dispose();
  place[Symbol.dispose]();
});

test('an item that is not there is null, and is not listed', async () => {
  expect(await storage.hasItem('s1:a')).toBe(false);
  expect(await storage.getItem('s2:a')).toBe(null);
  expect(await storage.getItemRaw('s2:a')).toBe(null);
  expect(await storage.getKeys()).toEqual([]);
});

test('items are set, got, listed below a base and to a depth, and removed', async () => {
  await storage.setItem('s1:a', 'test_data');
  await storage.setItem('s2:a', 'test_data');
  await storage.setItem('s3:a?q=1', 'test_data');
  expect(await storage.hasItem('s1:a')).toBe(true);
  expect(await storage.getItem('s3:a?q=2')).toBe('test_data');
  expect(await storage.getKeys()).toEqual(['s1:a', 's2:a', 's3:a']);
  expect(await storage.getKeys('s1')).toEqual(['s1:a']);
  await storage.setItem('s1:deep:deeper', 1);
  await storage.setItem('flat', 1);
  expect(await storage.getKeys(undefined, { maxDepth: 0 })).toEqual(['flat']);
  expect(await storage.getKeys(undefined, { maxDepth: 1 })).toEqual(['flat', 's1:a', 's2:a', 's3:a']);
  await storage.removeItem('s1:a');
  expect(await storage.hasItem('s1:a')).toBe(false);
  await storage.clear();
  await storage.clear();
  expect(await storage.getKeys()).toEqual([]);
});

test('values come back as they were: objects, primitives that are false, bytes', async () => {
  await storage.setItem('/data/test.json', { json: 'works' });
  expect(await storage.getItem('/data/test.json')).toEqual({ json: 'works' });
  for (const value of [true, false, 0, 'text']) {
    await storage.setItem('primitive', value);
    expect(await storage.getItem('primitive')).toBe(value);
  }
  await storage.setItem('lossy', { toJSON: () => 'SERIALIZED' });
  expect(await storage.getItem('lossy')).toBe('SERIALIZED');
  class Opaque {}
  await expect(storage.setItem('bad', new Opaque())).rejects.toThrow('Cannot stringify value!');
  const bytes = new Uint8Array([0, 1, 254, 255]);
  await storage.setItemRaw('/data/raw.bin', bytes);
  expect(await storage.getItemRaw('/data/raw.bin')).toEqual(Buffer.from(bytes));
});

test('several items are one frame, and are got in one go', async () => {
  await storage.setItems([
    { key: 't:1', value: 'one' },
    { key: 't:2', value: { n: 2 } },
  ]);
  expect(await storage.getItems([{ key: 't:1' }, 't:2', 't:never'])).toEqual([
    { key: 't:1', value: 'one' },
    { key: 't:2', value: { n: 2 } },
    { key: 't:never', value: null },
  ]);
});

test('a time to live is the store’s own, in seconds', async () => {
  await storage.setItem('short', 'x', { ttl: 0.05 });
  await storage.setItem('long', 'x', { ttl: 100 });
  expect(await storage.getMeta('long')).toMatchObject({ ttl: 100 });
  await new Promise((resolve) => setTimeout(resolve, 80));
  expect(await storage.getItem('short')).toBe(null);
});

test('changes are told, whoever makes them, until that is stopped', async () => {
  await using kv = await openKv(`${place.path}/watched`, { driver: 'pool' });
  const own = createStorage({ driver: millraceDriver({ kv }) });
  await kv.put('there', '1');
  const told: string[] = [];
  let done: () => void = () => {};
  const three = new Promise<void>((resolve) => {
    done = resolve;
  });
  await own.watch((event, key) => {
    told.push(`${event} ${key}`);
    if (told.length === 4) done();
  });
  await kv.put('a', '1');
  await own.removeItem('a');
  await own.setItem('b', 'x');
  await kv.clear();
  await three;
  expect(told.slice(0, 3)).toEqual(['update a', 'remove a', 'update b']);
  expect(told[3]).toMatch(/^remove (there|b)$/);
  await own.dispose();
});

test('a store that the caller gave stays open, one that the driver opened is let go', async () => {
  await using kv = await openKv(`${place.path}/given`, { driver: 'pool', valueEncoding: 'buffer' });
  const given = createStorage({ driver: millraceDriver({ kv }) });
  await given.setItem('k', 'v');
  await given.dispose();
  expect(String(await kv.get('k'))).toBe('v');
  const dir = `${place.path}/opened`;
  for (const value of ['first', 'second']) {
    const opened = createStorage({ driver: millraceDriver({ dir, driver: 'pool' }) });
    await opened.setItem('k', value);
    expect(await opened.getItem('k')).toBe(value);
    await opened.dispose();
  }
});
