/** Promises of the channels: what has ended is told once, with how long it took and how it came out; else they cost nothing. */
import { tracingChannel } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { channelNames } from '../../ts/channels.ts';
import { openKv } from '../../ts/index.ts';
import type { MillraceServer } from '../../ts/serve.ts';
import { partsOf } from '../../ts/server-parts.ts';
import { SimulatedDisk } from '../../ts/testing/index.ts';

type ChannelName = (typeof channelNames)[number];

let disk: SimulatedDisk;
let stop: () => void = () => undefined;
beforeEach(() => {
  disk = new SimulatedDisk();
});
afterEach(() => {
  stop();
  disk[Symbol.dispose]();
});

/** What a channel tells from now on, without the times, which are checked to be there. */
function listen(name: ChannelName): unknown[] {
  const heard: unknown[] = [];
  const nothing = () => undefined;
  const asyncEnd = (news: object): void => {
    const { durationMs, ...rest } = news as { durationMs: number };
    expect(durationMs).toBeGreaterThanOrEqual(0);
    heard.push(rest);
  };
  const listeners = { start: nothing, end: nothing, asyncStart: nothing, asyncEnd, error: nothing };
  const channel = tracingChannel(name);
  channel.subscribe(listeners);
  const before = stop;
  stop = () => {
    channel.unsubscribe(listeners);
    stop = before;
    before();
  };
  return heard;
}

describe('an embedded log', () => {
  it('tells a batch of appends, and what a reader has fetched', async () => {
    await using log = await disk.openLog();
    const topic = await log.topic('orders', { partitions: 2 });
    const appends = listen('millrace:log:append');
    const reads = listen('millrace:log:read');
    const records = ['a', 'b'].map((value) => ({ value, partition: 1 }));
    await Promise.all(records.map((record) => topic.append([record], { durability: 'written' })));
    expect(appends).toEqual([
      { topic: 'orders', partition: 1, records: 2, bytes: expect.any(Number), level: 'written' },
    ]);
    for await (const _ of topic.read({ from: 'earliest', follow: false })) void _;
    expect(reads).toEqual([{ topic: 'orders', partitions: 1, bytes: (appends[0] as { bytes: number }).bytes }]);
  });

  it('tells what a failed flush makes of a batch', async () => {
    await using log = await disk.openLog();
    const topic = await log.topic('orders', { partitions: 1 });
    const appends = listen('millrace:log:append');
    disk.failFlushes();
    await expect(topic.append([{ value: 'a' }])).rejects.toMatchObject({ code: 'MILLRACE_OUTCOME_UNKNOWN' });
    expect(appends).toMatchObject([{ error: 'MILLRACE_OUTCOME_UNKNOWN' }]);
  });

  it('tells flushes with what they made durable', async () => {
    await using log = await disk.openLog();
    const topic = await log.topic('orders', { partitions: 1 });
    const flushes = listen('millrace:flush') as { flushes: number; frames: number }[];
    for (const value of ['a', 'b', 'c']) await topic.append([{ value }]);
    // The first is what the others are compared with.
    await vi.waitFor(() => expect(flushes.length).toBeGreaterThanOrEqual(2), { timeout: 30_000 });
    for (const news of flushes) expect(news).toMatchObject({ flushes: 1, frames: 1 });
  });
});

describe('an embedded store', () => {
  it('tells reads and writes, and why one came to nothing', async () => {
    await using kv = await openKv(disk.directory, { ...disk.options, valueEncoding: 'utf8' });
    const [gets, puts] = [listen('millrace:kv:get'), listen('millrace:kv:put')];
    await kv.put('a', '1', { durability: 'written' });
    await kv.put('a', '2', { ifAbsent: true });
    await kv.batch().put('b', '1').del('a').write();
    await kv.getMany(['a', 'b']);
    await kv.get('b');
    kv.getSync('b');
    expect(puts).toEqual([
      { store: 'default', operations: 1, level: 'written' },
      { store: 'default', operations: 1, level: 'durable', error: 'MILLRACE_CONDITION' },
      { store: 'default', operations: 2, level: 'durable' },
    ]);
    const one = { store: 'default', keys: 1, isCold: false };
    expect(gets).toEqual([{ store: 'default', keys: 2, isCold: false }, one, one]);
  });
});

describe('a server of Redis clients', () => {
  let server: MillraceServer;
  beforeEach(async () => {
    server = await disk.serve({ redis: { port: 0 } });
  });
  afterEach(() => server.close());

  async function send(command: string): Promise<void> {
    const socket = connect(server.redis?.port ?? 0, '127.0.0.1');
    const answered = new Promise((resolve) => socket.once('data', resolve));
    socket.write(`${command}\r\n`);
    await answered;
    socket.destroy();
  }

  it('tells each command while somebody listens, and goes its short way when nobody does', async () => {
    const commands = listen('millrace:redis:command');
    await send('SET k v');
    await send('GET k');
    await send('CLIENT SETNAME me');
    expect(commands).toMatchObject([
      { command: 'set', words: 3, database: 0 },
      { command: 'get', words: 2 },
      { command: 'client|setname', words: 3 },
    ]);
    stop();
    await send('GET k');
    expect(commands).toHaveLength(3);
    expect(partsOf(server).counters()['redis.calls.get']).toBe(2);
  });
});

it('the page on channels names all of them', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/opentelemetry.md'), 'utf8');
  for (const name of channelNames) {
    expect(page, name).toContain(`\`${name}\``);
  }
});
