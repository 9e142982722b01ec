/**
 * produce, consume, e2e and kv inside this process, on a directory of the bench's own: what a program that opens a log or a
 * store has. The load shares the thread with the engine, as such a program does.
 *
 * Invariant: policy, level, driver and disk are among the conditions, so that no figure can be taken for another's.
 */
import { describeFlush, parseFlushText } from '../../durability.ts';
import { type Kv, type Log, type LogTopic, openKv, openLog } from '../../index.ts';
import { Arrivals } from './arrivals.ts';
import type { Conditions } from './figures.ts';
import { ownDirectory } from './own-directory.ts';
import { payload } from './payload.ts';
import type { BenchOptions, KvBenchOptions, LogBenchOptions, Workload } from './workload.ts';

function conditionsOf(
  options: BenchOptions,
  { driver }: Pick<Log | Kv, 'driver'>,
  disk: Conditions,
  more: Conditions,
): Conditions {
  return {
    target: 'embedded',
    policy: describeFlush(parseFlushText(options.flush)),
    level: options.durability,
    driver: `${driver.driver} (${driver.reason})`,
    ...disk,
    ...more,
  };
}

interface OpenTopic extends AsyncDisposable {
  readonly topic: LogTopic;
  readonly conditions: Conditions;
  readonly records: readonly { readonly value: Buffer }[];
}

async function openTopic(options: LogBenchOptions): Promise<OpenTopic> {
  const directory = ownDirectory(options.dir ?? '.');
  try {
    const log = await openLog(directory.path, {
      flush: parseFlushText(options.flush),
      durability: options.durability,
      compression: options.compression,
    });
    const value = payload(options.size);
    return {
      topic: await log.topic('bench', { partitions: options.partitions }),
      conditions: conditionsOf(options, log, directory.conditions, {
        partitions: options.partitions,
        record: `${options.size} bytes, ${options.batch} a call, ${options.compression}`,
      }),
      records: Array.from({ length: options.batch }, () => ({ value })),
      async [Symbol.asyncDispose]() {
        await log.close();
        directory[Symbol.dispose]();
      },
    };
  } catch (error) {
    directory[Symbol.dispose]();
    throw error;
  }
}

/** One `append` an operation. */
export async function produceEmbedded(options: LogBenchOptions): Promise<Workload> {
  const { topic, conditions, records, ...opened } = await openTopic(options);
  return {
    conditions,
    bytesEach: options.size,
    recordsEach: options.batch,
    async operate() {
      await topic.append(records);
      return records.length;
    },
    [Symbol.asyncDispose]: opened[Symbol.asyncDispose],
  };
}

/** One batch of a reader an operation: from the beginning to the end, and again. */
export async function consumeEmbedded(options: LogBenchOptions): Promise<Workload> {
  const { topic, conditions, records, ...opened } = await openTopic(options);
  for (let count = 0; count < options.records; count += records.length) await topic.append(records);
  const begin = () => topic.read({ from: 'earliest', follow: false })[Symbol.asyncIterator]();
  const idle = Array.from({ length: options.clients * options.inFlight }, begin);
  return {
    conditions,
    bytesEach: options.size,
    recordsEach: undefined,
    async operate() {
      let reader = idle.pop() ?? begin();
      let next = await reader.next();
      if (next.done === true) {
        reader = begin();
        next = await reader.next();
      }
      idle.push(reader);
      return next.done === true ? 0 : next.value.count;
    },
    [Symbol.asyncDispose]: opened[Symbol.asyncDispose],
  };
}

/** One `append` an operation; it has ended when a following reader has all of its records. */
export async function endToEndEmbedded(options: LogBenchOptions): Promise<Workload> {
  const { topic, conditions, ...opened } = await openTopic(options);
  const arrivals = new Arrivals();
  const ending = new AbortController();
  const consuming = (async () => {
    const reader = topic.read({ from: 'earliest', signal: ending.signal });
    for await (const { value } of reader.records()) {
      if (value !== null) arrivals.arrived(value.readDoubleLE(0));
    }
  })().catch((error: unknown) => arrivals.fail(error));
  return {
    conditions: { ...conditions, consumers: 1 },
    bytesEach: options.size,
    recordsEach: options.batch,
    async operate() {
      const { mark, seen } = arrivals.expect(options.batch);
      const value = payload(options.size);
      value.writeDoubleLE(mark);
      const records = Array.from({ length: options.batch }, () => ({ value }));
      await Promise.all([topic.append(records), seen]);
      return options.batch;
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await consuming;
      await opened[Symbol.asyncDispose]();
    },
  };
}

/** One `put` or `get` an operation. */
export async function kvEmbedded(options: KvBenchOptions): Promise<Workload> {
  const directory = ownDirectory(options.dir ?? '.');
  const kv = await openKv(directory.path, {
    flush: parseFlushText(options.flush),
    durability: options.durability,
  }).catch((error: unknown) => {
    directory[Symbol.dispose]();
    throw error;
  });
  const value = payload(options.size);
  const keys = Array.from({ length: options.keys }, (_, index) => `key:${String(index).padStart(12, '0')}`);
  const some = 1000;
  for (let from = 0; from < keys.length; from += some) {
    await Promise.all(keys.slice(from, from + some).map((key) => kv.put(key, value)));
  }
  const anyKey = (): string => keys[Math.floor(Math.random() * keys.length)] ?? '';
  return {
    conditions: conditionsOf(options, kv, directory.conditions, kvConditions(options)),
    bytesEach: options.size,
    recordsEach: 1,
    async operate() {
      if (Math.random() * 100 < options.reads) await kv.get(anyKey());
      else await kv.put(anyKey(), value);
      return 1;
    },
    async [Symbol.asyncDispose]() {
      await kv.close();
      directory[Symbol.dispose]();
    },
  };
}

/** What both kv benches are about. */
export function kvConditions({ keys, size, reads }: KvBenchOptions): Conditions {
  return { keys, value: `${size} bytes`, reads: `${reads} %` };
}
