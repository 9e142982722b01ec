/**
 * One work of the key-value benches on one engine: `--engine`, `--work`, `--keys`, `--directory`, `--packages` (of rivals).
 *
 * Prints one line of JSON. Invariant: a directory is filled once, by the first run that needs it; filling is not measured
 * but where it is the work.
 */
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runClosedLoop } from './closed-loop.ts';
import { contentOf, type KvEngine, keyOf, type OpenKvEngine } from './kv/engine.ts';
import { openMillrace } from './kv/millrace.ts';
import { openClassicLevel, openLmdb, openRocks, openSqlite } from './kv/rivals.ts';

const engines: Readonly<Record<string, OpenKvEngine>> = {
  millrace: openMillrace,
  lmdb: openLmdb,
  'classic-level': openClassicLevel,
  rocksdb: openRocks,
  'better-sqlite3': openSqlite,
};
const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    engine: text,
    work: text,
    keys: text,
    directory: text,
    packages: text,
    'warm-up': text,
    duration: text,
  },
});
const { engine = 'millrace', work = 'get-sync', directory = '' } = values;
const keys = Number(values.keys ?? 20_000);
const warmUpSeconds = Number(values['warm-up'] ?? 0.2);
const seconds = Number(values.duration ?? 1);
const rivals = createRequire(values.packages || import.meta.url);
const openEngine = engines[engine];
if (openEngine === undefined || directory === '') throw new Error(`--engine ${engine} --directory ${directory}`);
const openStore = (): Promise<KvEngine> => openEngine(directory, rivals);

const BATCH = 1000;

async function fill(store: KvEngine, isDurable: boolean): Promise<void> {
  for (let first = 0; first < keys; first += BATCH) {
    const count = Math.min(BATCH, keys - first);
    const entries = Array.from(
      { length: count },
      (_, index) => [keyOf(first + index), contentOf(first + index)] as const,
    );
    await store.batch(entries, isDurable);
  }
}

/** The store with all keys in it. */
async function filled(): Promise<KvEngine> {
  const mark = join(directory, 'filled');
  if (!existsSync(mark)) {
    const store = await openStore();
    await fill(store, false);
    await store.close();
    writeFileSync(mark, '');
  }
  return openStore();
}

function diskBytes(path: string): number {
  return readdirSync(path, { withFileTypes: true }).reduce((sum, entry) => {
    const inside = join(path, entry.name);
    return sum + (entry.isDirectory() ? diskBytes(inside) : statSync(inside).blocks * 512);
  }, 0);
}

function print(figures: Record<string, number>): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

/** Opens the store and prints how long that took and what its keys take. */
async function printOpening(): Promise<void> {
  const before = process.memoryUsage().rss;
  const since = performance.now();
  const store = await openStore();
  const milliseconds = performance.now() - since;
  const openBytes = process.memoryUsage().rss - before;
  await store.get(keyOf(0));
  const keydir = store.keydirBytes?.();
  await store.close();
  print({ milliseconds, openBytes, ...(keydir === undefined ? {} : { keydirBytesPerKey: keydir / keys }) });
}

/** Runs `round` of so many operations over and over until the time is over. */
async function rate(round: () => Promise<number>): Promise<void> {
  const begin = performance.now() + warmUpSeconds * 1000;
  while (performance.now() < begin) await round();
  const since = performance.now();
  let count = 0;
  let now = since;
  for (; now < since + seconds * 1000; now = performance.now()) count += await round();
  print({ requestsPerSecond: (count * 1000) / (now - since) });
}

let state = 1;
/** A number below the keys, scattered. */
function any(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state % keys;
}

const loop = { directory, size: 100, partitions: 1, warmUpSeconds, seconds };
const works: Readonly<Record<string, () => Promise<void>>> = {
  async 'get-sync'() {
    const store = await filled();
    const { getSync } = store;
    if (!getSync) throw new Error(`${engine} has no synchronous get`);
    // Reads them once, so that what keeps values in memory has them there.
    await store.scan();
    for (let number = 0; number < keys; number += 1) await store.get(keyOf(number));
    await rate(async () => {
      for (let index = 0; index < 1000; index += 1) getSync.call(store, keyOf(any()));
      return 1000;
    });
    await store.close();
  },
  async 'get-64'() {
    const store = await filled();
    await store.scan();
    for (let number = 0; number < keys; number += 1) await store.get(keyOf(number));
    await rate(async () => {
      for (let index = 0; index < 16; index += 1) {
        await Promise.all(Array.from({ length: 64 }, () => store.get(keyOf(any()))));
      }
      return 1024;
    });
    await store.close();
  },
  async scan() {
    const store = await filled();
    await rate(() => store.scan());
    await store.close();
  },
  async 'put-64'() {
    const store = await openStore();
    await runClosedLoop({ ...loop, writers: 64 }, () => store.putDurable(keyOf(any()), contentOf(state)));
    await store.close();
  },
  async 'put-1'() {
    const store = await openStore();
    await runClosedLoop({ ...loop, writers: 1 }, () => store.putDurable(keyOf(any()), contentOf(state)));
    await store.close();
  },
  async 'batch-1000'() {
    const store = await openStore();
    const batch = (): Promise<unknown> =>
      store.batch(
        Array.from({ length: BATCH }, () => [keyOf(any()), contentOf(state)] as const),
        true,
      );
    await runClosedLoop({ ...loop, writers: 1 }, batch);
    await store.close();
  },
  async load() {
    const before = process.memoryUsage().rss;
    const store = await openStore();
    const since = performance.now();
    await fill(store, false);
    const millis = performance.now() - since;
    const memory = process.memoryUsage().rss - before;
    await store.close();
    const disk = diskBytes(directory);
    print({
      requestsPerSecond: (keys * 1000) / millis,
      memoryBytesPerKey: memory / keys,
      diskBytesPerKey: disk / keys,
    });
  },
  async open() {
    await (await filled()).close();
    await printOpening();
  },
  async 'open-without-hints'() {
    await (await filled()).close();
    const folder = join(directory, 'data', 'kv');
    for (const name of readdirSync(folder)) if (name.endsWith('.hint')) rmSync(join(folder, name));
    await printOpening();
  },
};
const run = works[work];
if (run === undefined) throw new Error(`no work is called ${work}: ${Object.keys(works)}`);
await run();
