/** Crossings are budgeted: each is counted by the addon, and these are the limits (DESIGN section 5). */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Log, type LogTopic, openLog } from '../../ts/index.ts';
import { scratch } from '../support/scratch.ts';

describe.each(['ring', 'pool', 'sim'] as const)('on driver %s', (driver) => {
  let log: Log;
  let topic: LogTopic;
  const place = scratch('crossings');

  beforeAll(async () => {
    const sim = driver === 'sim' ? { sim: { seed: 1, id: place.path } } : {};
    log = await openLog(`${place.path}/data`, { driver, ...sim });
    topic = await log.topic('crossings', { partitions: 4 });
    await topic.append({ value: 'warm' }, { partition: 0 });
    await quiet();
  });
  afterAll(async () => {
    await log.close();
    place[Symbol.dispose]();
  });

  /** Waits until pre-writing and other background work of the engine has come to rest. */
  async function quiet(): Promise<void> {
    let before = -1;
    for (;;) {
      const now = log.engine.counters().enters ?? 0;
      if (now === before) return;
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async function crossings(
    work: () => Promise<unknown>,
  ): Promise<{ calls: number; callbacks: number; commits: number }> {
    const before = log.engine.counters();
    await work();
    const after = log.engine.counters();
    const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
    return { calls: grown('callsIn'), callbacks: grown('callbacksOut'), commits: grown('commits') };
  }

  test('an idle durable append is one call and one callback', async () => {
    const spent = await crossings(() => topic.append({ value: 'one' }, { partition: 0 }));
    expect(spent).toEqual({ calls: 1, callbacks: 1, commits: 1 });
  });

  test('a thousand durable appends of one turn are one call, one callback and one group commit', async () => {
    const appends = (): Promise<unknown> =>
      Promise.all(Array.from({ length: 1000 }, (_, index) => topic.append({ value: `v${index}` }, { partition: 0 })));
    expect(await crossings(appends)).toEqual({ calls: 1, callbacks: 1, commits: 1 });
  });

  test('appends to all partitions in one turn share the call, the callback and the commit', async () => {
    const appends = (): Promise<unknown> =>
      Promise.all(Array.from({ length: 400 }, (_, index) => topic.append({ value: 'v' }, { partition: index % 4 })));
    expect(await crossings(appends)).toEqual({ calls: 1, callbacks: 1, commits: 1 });
  });

  test('appends that follow an acknowledgement go out in the callback that brought it', async () => {
    const writers = 64;
    const rounds = 10;
    const write = async (): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) await topic.append({ value: 'v' }, { partition: 0 });
    };
    const spent = await crossings(() => Promise.all(Array.from({ length: writers }, write)));
    expect(spent.calls).toBeLessThanOrEqual(rounds);
    expect(spent.callbacks).toBeLessThanOrEqual(rounds);
  });

  test('a crowd that appends again after every acknowledgement costs at most three calls for a round of halves', async () => {
    const writers = 128;
    const rounds = 10;
    const offsets: bigint[] = [];
    const write = async (): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) {
        offsets.push((await topic.append({ value: 'v' }, { partition: 1 })).baseOffset);
      }
    };
    const spent = await crossings(() => Promise.all(Array.from({ length: writers }, write)));
    expect(spent.calls).toBeLessThanOrEqual(3 * rounds);
    expect(spent.callbacks).toBeLessThanOrEqual(2 * rounds);
    expect(spent.commits).toBeLessThanOrEqual(2 * rounds);
    expect(offsets).toHaveLength(writers * rounds);
    expect(offsets).toEqual([...offsets].sort((a, b) => Number(a - b)));
  });

  test('reading data that is in memory is at most two calls for a turn, and no callback', async () => {
    const reader = topic.read({ partition: 0, from: { offset: 0 }, follow: false, maxBytes: 64 * 1024 * 1024 });
    const spent = await crossings(async () => {
      const first = await reader.next();
      expect(first.done).toBe(false);
    });
    await reader.return();
    expect(spent).toMatchObject({ calls: 2, callbacks: 0 });
  });

  test('waiting readers cost nothing while nothing happens', async () => {
    const stop = new AbortController();
    const reader = topic.read({ from: 'latest', signal: stop.signal });
    const waiting = reader.next();
    waiting.catch(() => undefined);
    // The journal marks how far it is durable once, 100 ms after the last commit: that one is not the readers'.
    await new Promise((resolve) => setTimeout(resolve, 250));
    const spent = await crossings(() => new Promise((resolve) => setTimeout(resolve, 50)));
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'MILLRACE_ABORTED' });
    expect(spent).toEqual({ calls: 0, callbacks: 0, commits: 0 });
  });
});
