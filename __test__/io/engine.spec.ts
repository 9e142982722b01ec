/** The engine as the broker sees it: atomic frames, order of callbacks, refusals, the state map. */

import { afterEach, describe, expect, test } from 'vitest';
import { type NodeEngine, openEngine } from '../../ts/io/engine.ts';
import { loadNative } from '../../ts/io/native.ts';
import { Code, Isolation, Level } from '../../ts/io/native-types.ts';
import { BatchWriter } from '../../ts/log/record-batch.ts';
import type { Effect, EffectResult } from '../../ts/log/types.ts';
import { driversHere } from '../support/hardship.ts';
import { scratch } from '../support/scratch.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const drivers = driversHere('ring', 'pool', 'sim');

function opened(driver: (typeof drivers)[number]): NodeEngine {
  const place = scratch('engine');
  cleanups.push(() => place[Symbol.dispose]());
  const engine = openEngine(`${place.path}/data`, driver === 'sim' ? { sim: { seed: 3, id: place.path } } : { driver });
  cleanups.push(() => engine.close());
  return engine;
}

function batch(...values: string[]): { bytes: Uint8Array; start: number; end: number } {
  const writer = new BatchWriter(loadNative());
  writer.begin();
  for (const value of values) writer.add({ value }, 1000);
  const end = writer.finish();
  return { bytes: writer.bytes, start: 0, end };
}

function submit(engine: NodeEngine, effects: readonly Effect[], level: 0 | 1 | 2 = Level.durable) {
  return new Promise<{ results: readonly EffectResult[]; failure: number }>((resolve) => {
    engine.submit(effects, level, (results, failure) => resolve({ results, failure }));
  });
}

const text = (value: string): Uint8Array => Buffer.from(value);

describe.each(drivers)('on driver %s', (driver) => {
  test('a frame with one refused effect does nothing, and names the effect', async () => {
    const engine = opened(driver);
    const { results } = await submit(engine, [
      { kind: 'createPartition', partition: 1 },
      { kind: 'put', key: text('a'), value: text('1') },
      { kind: 'append', partition: 99, ...batch('x') },
    ]);
    expect(results.map((result) => result.code)).toEqual([
      Code.refusedWithFrame,
      Code.refusedWithFrame,
      Code.unknownPartition,
    ]);
    expect(engine.scanState(text('a'))).toEqual([]);
  });

  test('offsets are placed in the turn of the submit, and done follows when the level is reached', async () => {
    const engine = opened(driver);
    await submit(engine, [{ kind: 'createPartition', partition: 1 }]);
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      engine.submit(
        [{ kind: 'append', partition: 1, ...batch('x', 'y') }],
        Level.durable,
        () => {
          order.push('done');
          resolve();
        },
        ([result]) => order.push(`placed ${result?.baseOffset}`),
      );
      setImmediate(() => order.push('next turn'));
    });
    expect(order.slice(0, 2)).toEqual(['placed 0', 'next turn']);
    expect(order.at(-1)).toBe('done');
  });

  test('callbacks run in the order of submission, whatever their levels', async () => {
    const engine = opened(driver);
    await submit(engine, [{ kind: 'createPartition', partition: 1 }]);
    const order: number[] = [];
    const all = Array.from({ length: 30 }, (_, index) =>
      submit(engine, [{ kind: 'append', partition: 1, ...batch(`${index}`) }], Level.durable).then(() =>
        order.push(index),
      ),
    );
    await Promise.all(all);
    expect(order).toEqual(Array.from({ length: 30 }, (_, index) => index));
  });

  test.each([
    { frames: 20, commits: 1 },
    { frames: 60, commits: 2 },
  ])(
    '$frames frames of one turn are $commits commits where asked to begin early, in order',
    async ({ frames, commits }) => {
      const engine = opened(driver);
      await submit(engine, [{ kind: 'createPartition', partition: 1 }]);
      const before = engine.counters().commits as number;
      const order: number[] = [];
      const all = Array.from({ length: frames }, (_, index) => {
        engine.beginEarly();
        const effect = { kind: 'append', partition: 1, ...batch(`${index}`) } as const;
        return submit(engine, [effect], Level.durable).then(({ results }) =>
          order.push(results[0]?.baseOffset as number),
        );
      });
      await Promise.all(all);
      expect((engine.counters().commits as number) - before).toBe(commits);
      expect(order).toEqual(Array.from({ length: frames }, (_, index) => index));
    },
  );

  test('a batch whose checksum is wrong is refused as corrupt, and its neighbours are stored', async () => {
    const engine = opened(driver);
    await submit(engine, [{ kind: 'createPartition', partition: 1 }]);
    const bad = batch('broken');
    const last = bad.end - 1;
    bad.bytes[last] = (bad.bytes[last] ?? 0) ^ 1;
    const [first, second, third] = await Promise.all([
      submit(engine, [{ kind: 'append', partition: 1, ...batch('one') }]),
      submit(engine, [{ kind: 'append', partition: 1, ...bad }]),
      submit(engine, [{ kind: 'append', partition: 1, ...batch('two') }]),
    ]);
    expect([first, second, third].map(({ results }) => results[0]?.code)).toEqual([Code.ok, Code.corrupt, Code.ok]);
    expect(third.results[0]?.baseOffset).toBe(1);
  });

  test('the state map answers by prefix, in key order, and forgets what was deleted', async () => {
    const engine = opened(driver);
    const put = (key: string, value: string): Effect => ({ kind: 'put', key: text(key), value: text(value) });
    await submit(engine, [put('t/b', '2'), put('t/a', '1'), put('u', '3'), put('t/c', '')]);
    await submit(engine, [{ kind: 'delete', key: text('t/b') }]);
    const pairs = engine.scanState(text('t/')).map(([key, value]) => [Buffer.from(key).toString(), value.length]);
    expect(pairs).toEqual([
      ['t/a', 1],
      ['t/c', 0],
    ]);
  });

  test('listeners hear of the partitions that were appended to, after their high watermark moved', async () => {
    const engine = opened(driver);
    await submit(engine, [
      { kind: 'createPartition', partition: 1 },
      { kind: 'createPartition', partition: 2 },
    ]);
    const heard: [number, number][] = [];
    engine.onAdvance((partitions) => {
      for (const partition of partitions) {
        const [marks] = engine.readable([
          { partition, offset: 0, maxBytes: 1, isolation: Isolation.readUncommitted, leaderEpoch: -1 },
        ]);
        heard.push([partition, marks?.highWatermark ?? -1]);
      }
    });
    await submit(engine, [{ kind: 'append', partition: 2, ...batch('x') }]);
    expect(heard).toEqual([[2, 1]]);
  });

  test('a callback that throws does not keep the others from running', async () => {
    const engine = opened(driver);
    await submit(engine, [{ kind: 'createPartition', partition: 1 }]);
    const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
    const listeners = process.listeners('uncaughtException').slice(0, -1);
    for (const listener of listeners) process.removeListener('uncaughtException', listener);
    engine.submit([{ kind: 'append', partition: 1, ...batch('x') }], Level.durable, () => {
      throw new Error('a bad callback');
    });
    const { failure } = await submit(engine, [{ kind: 'append', partition: 1, ...batch('y') }]);
    expect(await thrown).toMatchObject({ message: 'a bad callback' });
    for (const listener of listeners) process.on('uncaughtException', listener);
    expect(failure).toBe(Code.ok);
  });
});

describe('what JavaScript can get wrong at the boundary', () => {
  const binding = loadNative();

  function engineOf(): InstanceType<typeof binding.NativeEngine> {
    const place = scratch('boundary');
    cleanups.push(() => place[Symbol.dispose]());
    const options = { dir: '', driver: 'sim' as const, simSeed: 1, simId: place.path };
    const policy = { flushAlways: true, flushRecords: 0, flushBytes: 0, flushIntervalMs: 0 };
    const sizes = { journalFileBytes: 1 << 20, journalFiles: 3, memoryBytes: 8 << 20, settleBytes: 1 << 18 };
    const segments = { ownSegmentBytes: 1 << 20, segmentBytes: 1 << 20, largeValueBytes: 0 };
    const reads = { indexIntervalBytes: 4096, readAheadBytes: 0 };
    const engine = new binding.NativeEngine(
      { ...options, ...policy, ...sizes, ...segments, ...reads },
      () => undefined,
    );
    cleanups.push(() => engine.simCut());
    return engine;
  }

  const row = (...values: number[]): Float64Array => {
    const rows = new Float64Array(16);
    rows.set(values);
    return rows;
  };

  test.each([
    ['a kind that does not exist', row(99), [new Uint8Array(4)]],
    ['a buffer that is not there', row(2, 0, 0, 5, 0, 1, 0), [new Uint8Array(4)]],
    ['a range that ends behind its buffer', row(3, 0, 0, 0, 0, 5), [new Uint8Array(4)]],
    ['a range that starts behind its end', row(3, 0, 0, 0, 3, 2), [new Uint8Array(4)]],
    ['a position that is no number', row(3, 0, 0, 0, Number.NaN, 2), [new Uint8Array(4)]],
    ['a negative partition', row(4, 0, -1), []],
    ['a level that does not exist', row(4, 0, 1, 0, 0, 0, 0, 3), []],
  ])('%s is refused before anything is done', (_, rows, buffers) => {
    expect(() => engineOf().commit(rows, 1, buffers)).toThrow(expect.objectContaining({ code: 'ARGUMENT' }));
  });

  test('more rows than the plan holds are refused', () => {
    const engine = engineOf();
    for (const rows of [2, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => engine.commit(row(4, 0, 1), rows, [])).toThrow(expect.objectContaining({ code: 'ARGUMENT' }));
    }
  });

  test('shared memory is refused, because another thread could change it under the engine', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(16));
    expect(() => engineOf().commit(row(3, 0, 0, 0, 0, 4), 1, [shared])).toThrow(
      expect.objectContaining({ code: 'ARGUMENT' }),
    );
  });

  test('a page that was transferred away goes dark, and the engine goes on', () => {
    const engine = engineOf();
    structuredClone(engine.page.buffer, { transfer: [engine.page.buffer as ArrayBuffer] });
    expect(engine.page.length).toBe(0);
    expect(engine.commit(row(4, 0, 1), 1, [])).toBe(0);
  });

  test('an engine that is gone answers with codes, not with a crash', () => {
    const engine = engineOf();
    engine.simCut();
    expect(engine.closed).toBe(true);
    expect(engine.commit(row(4, 0, 1), 1, [])).toBe(Code.closing);
    expect(engine.flush()).toBe(0);
    expect(engine.scanState(new Uint8Array(0))).toEqual([]);
    engine.close();
  });
});
