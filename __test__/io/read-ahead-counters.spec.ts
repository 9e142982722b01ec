/** What reading ahead did is counted where metrics take it from. */
import { expect, test } from 'vitest';
import { openEngine } from '../../ts/io/engine.ts';
import { loadNative } from '../../ts/io/native.ts';
import { Code, Isolation, Level } from '../../ts/io/native-types.ts';
import { BatchWriter } from '../../ts/log/record-batch.ts';
import { scratch } from '../support/scratch.ts';

const BATCHES = 160;
const VALUE = new Uint8Array(100 << 10);
const MIB = 1 << 20;

test('a reader that goes through sealed data is answered from what was read ahead, and the counters say so', async () => {
  using place = scratch('read-ahead');
  const sizes = { memoryBytes: 8 * MIB, settleBytes: MIB, readAheadBytes: 4 * MIB };
  const engine = openEngine(`${place.path}/data`, { sim: { seed: 5, id: place.path }, ...sizes });
  try {
    const writer = new BatchWriter(loadNative());
    writer.begin();
    writer.add({ value: VALUE }, 1000);
    const batch = { bytes: writer.bytes, start: 0, end: writer.finish() };
    const submit = (effect: Parameters<typeof engine.submit>[0][number]): Promise<number> =>
      new Promise((resolve) => {
        engine.submit([effect], Level.durable, ([result]) => resolve(result?.code ?? Code.poisoned));
      });
    expect(await submit({ kind: 'createPartition', partition: 1 })).toBe(Code.ok);
    for (let appended = 0; appended < BATCHES; ) {
      const code = await submit({ kind: 'append', partition: 1, ...batch });
      if (code === Code.ok) appended += 1;
      else expect(code).toBe(Code.busy);
    }
    expect(engine.counters()).toMatchObject({ readAheadAnswers: 0, readAheadBytes: 0, readAheadHeld: 0 });
    for (let offset = 0; offset < BATCHES / 2; offset++) {
      const request = {
        partition: 1,
        offset,
        maxBytes: VALUE.length,
        isolation: Isolation.readUncommitted,
        leaderEpoch: -1,
      };
      const [pin] = await new Promise<readonly { code: number; lease: number }[]>((resolve) => {
        engine.pin([request], resolve);
      });
      expect(pin?.code).toBe(Code.ok);
      engine.releaseLease(pin?.lease ?? 0);
    }
    const counters = engine.counters();
    expect(counters.readAheadAnswers).toBeGreaterThan(0);
    expect(counters.readAheadWindows).toBeGreaterThan(0);
    expect(counters.readAheadBytes).toBeGreaterThan(MIB);
    expect(counters.readAheadHeld).toBeLessThanOrEqual(4 * MIB);
    expect(counters.readAheadUnreadBytes).toBeLessThan(counters.readAheadBytes ?? 0);
  } finally {
    await engine.close();
  }
});
