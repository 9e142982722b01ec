/**
 * Other stores behind the same interface. Their types are not here: they are installed for benches only.
 *
 * To remember: durable means that the store's own call for it has answered (`flushed`, `sync: true`, `synchronous=FULL`).
 */
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { KvEngine, OpenKvEngine } from './engine.ts';

type Entries = Parameters<KvEngine['batch']>[0];

interface Lmdb {
  put(key: string, value: Buffer): Promise<boolean>;
  batch(action: () => void): Promise<boolean>;
  readonly flushed: Promise<unknown>;
  get(key: string): Buffer | undefined;
  getRange(): Iterable<{ key: string; value: Buffer }>;
  close(): Promise<void>;
}

export const openLmdb: OpenKvEngine = async (directory, require) => {
  const { open } = require('lmdb') as { open(options: object): Lmdb };
  const db = open({ path: join(directory, 'data'), encoding: 'binary' });
  return {
    async putDurable(key, value) {
      await db.put(key, value);
      await db.flushed;
    },
    async batch(entries, isDurable) {
      await db.batch(() => {
        for (const [key, value] of entries) void db.put(key, value);
      });
      if (isDurable) await db.flushed;
    },
    getSync(key) {
      const value = db.get(key);
      if (!value) throw new Error(`no key ${key}`);
      return value;
    },
    get: async (key) => db.get(key),
    async scan() {
      let count = 0;
      for (const { value } of db.getRange()) count += value.length > 0 ? 1 : 0;
      return count;
    },
    close: () => db.close(),
  };
};

interface Level {
  open(): Promise<void>;
  put(key: string, value: Buffer, options: { sync: boolean }): Promise<void>;
  batch(operations: readonly object[], options: { sync: boolean }): Promise<void>;
  get(key: string): Promise<Buffer | undefined>;
  getSync(key: string): Buffer | undefined;
  iterator(): { nextv(size: number): Promise<[string, Buffer][]>; close(): Promise<void> };
  close(): Promise<void>;
}

function puts(entries: Entries): object[] {
  return entries.map(([key, value]) => ({ type: 'put', key, value }));
}

export const openClassicLevel: OpenKvEngine = async (directory, require) => {
  const { ClassicLevel } = require('classic-level') as { ClassicLevel: new (path: string, options: object) => Level };
  const db = new ClassicLevel(join(directory, 'data'), { valueEncoding: 'buffer' });
  await db.open();
  return {
    putDurable: (key, value) => db.put(key, value, { sync: true }),
    batch: (entries, isDurable) => db.batch(puts(entries), { sync: isDurable }),
    getSync(key) {
      const value = db.getSync(key);
      if (!value) throw new Error(`no key ${key}`);
      return value;
    },
    get: (key) => db.get(key),
    async scan() {
      const iterator = db.iterator();
      let count = 0;
      for (let page = await iterator.nextv(1000); page.length > 0; page = await iterator.nextv(1000))
        count += page.length;
      await iterator.close();
      return count;
    },
    close: () => db.close(),
  };
};

interface Rocks {
  open(done: (error?: Error) => void): void;
  put(key: string, value: Buffer, options: { sync: boolean }, done: (error?: Error) => void): void;
  batch(operations: readonly object[], options: { sync: boolean }, done: (error?: Error) => void): void;
  get(key: string, done: (error: Error | undefined, value: Buffer) => void): void;
  iterator(): { next(done: (error: Error | undefined, key?: Buffer) => void): void; end(done: () => void): void };
  close(done: (error?: Error) => void): void;
}

export const openRocks: OpenKvEngine = async (directory, require) => {
  const db = (require('rocksdb') as (path: string) => Rocks)(join(directory, 'data'));
  await promisify(db.open.bind(db))();
  const put = promisify(db.put.bind(db)) as (key: string, value: Buffer, options: object) => Promise<void>;
  const batch = promisify(db.batch.bind(db)) as (operations: readonly object[], options: object) => Promise<void>;
  const get = promisify(db.get.bind(db)) as (key: string) => Promise<Buffer>;
  return {
    putDurable: (key, value) => put(key, value, { sync: true }),
    batch: (entries, isDurable) => batch(puts(entries), { sync: isDurable }),
    get,
    async scan() {
      const iterator = db.iterator();
      const next = promisify(iterator.next.bind(iterator)) as () => Promise<Buffer | undefined>;
      let count = 0;
      while ((await next()) !== undefined) count += 1;
      await promisify(iterator.end.bind(iterator))();
      return count;
    },
    close: () => promisify(db.close.bind(db))(),
  };
};

interface Statement {
  run(...values: unknown[]): unknown;
  get(key: string): { v: Buffer } | undefined;
  iterate(): Iterable<unknown>;
}
interface Sqlite {
  pragma(text: string): unknown;
  exec(text: string): unknown;
  prepare(text: string): Statement;
  transaction(action: (entries: Entries) => void): (entries: Entries) => void;
  close(): void;
}

export const openSqlite: OpenKvEngine = async (directory, require) => {
  const Database = require('better-sqlite3') as new (path: string) => Sqlite;
  const db = new Database(join(directory, 'data.sqlite'));
  db.pragma('journal_mode = WAL');
  let isFull: boolean | undefined;
  const promise = (isDurable: boolean): void => {
    if (isFull !== isDurable) db.pragma(`synchronous = ${isDurable ? 'FULL' : 'OFF'}`);
    isFull = isDurable;
  };
  db.exec('create table if not exists kv (k text primary key, v blob not null) without rowid');
  const put = db.prepare('insert into kv values (?, ?) on conflict (k) do update set v = excluded.v');
  const get = db.prepare('select v from kv where k = ?');
  const all = db.prepare('select k, v from kv order by k');
  const putAll = db.transaction((entries) => {
    for (const [key, value] of entries) put.run(key, value);
  });
  const read = (key: string): Buffer => {
    const row = get.get(key);
    if (!row) throw new Error(`no key ${key}`);
    return row.v;
  };
  return {
    async putDurable(key, value) {
      promise(true);
      put.run(key, value);
    },
    async batch(entries, isDurable) {
      promise(isDurable);
      putAll(entries);
    },
    getSync: read,
    get: async (key) => read(key),
    async scan() {
      let count = 0;
      for (const _ of all.iterate()) count += 1;
      return count;
    },
    close: async () => db.close(),
  };
};
