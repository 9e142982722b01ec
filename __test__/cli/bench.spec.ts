/** Promises of `millrace bench`: honest latencies, figures with their conditions, and nothing left behind. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runLoad } from '../../ts/cli/bench/load.ts';
import { ReplyCutter } from '../../ts/cli/bench/redis-replies.ts';
import { ExitCode } from '../../ts/cli/exit.ts';
import { runCommandLine } from '../../ts/cli/main.ts';
import { startTestBroker, type TestBroker } from '../../ts/testing/index.ts';
import { scratch } from '../support/scratch.ts';

const brief = ['--duration', '150ms', '--warm-up', '20ms', '--json'];

const bench = (...argv: readonly string[]) => millrace('bench', ...argv);

async function millrace(...argv: readonly string[]) {
  const text = { out: '', err: '' };
  const sink = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        done();
      },
    });
  const terminal = { stdin: new PassThrough(), stdout: sink('out'), stderr: sink('err') };
  return { code: await runCommandLine(argv, terminal), ...text };
}

it('says in one line that the server has gone, not what could not be cleaned up after it', async () => {
  const broker = await startTestBroker();
  const running = bench('produce', '--brokers', broker.brokers[0] ?? '', '--duration', '10min', '--json');
  await expect.poll(() => broker.server.counters().frames, { timeout: 30_000 }).toBeGreaterThan(20);
  await broker.close();
  const { code, err } = await running;
  expect(code).toBe(ExitCode.failure);
  expect(err).toMatch(/^millrace: [^\n]+\n$/);
  expect(err).not.toContain('Suppressed');
}, 90_000);

describe('a load', () => {
  const shape = { clients: 1, inFlight: 1, warmUpMs: 0, durationMs: 600 };
  const stallMs = 300;
  /** How many waited at least a third of the stall. */
  const long = ({ latency }: Awaited<ReturnType<typeof runLoad>>): number => {
    const percentiles = [...latency.percentiles].filter(([, value]) => value >= (stallMs / 3) * 1e6);
    return Math.round(latency.count * (1 - (percentiles[0]?.[0] ?? 100) / 100));
  };

  it('at a fixed rate charges a stall to everything that was due meanwhile', async () => {
    // A clock that goes on when it is read, and stands still when the machine is busy with others.
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
      now += 0.01;
      return now;
    });
    let isFirst = true;
    const operate = async () => {
      now += isFirst ? stallMs : 0;
      isFirst = false;
      return 1;
    };
    const measured = await runLoad({ ...shape, rate: 500 }, operate, new AbortController().signal);
    clock.mockRestore();
    expect(measured.latency.count).toBe(300);
    // Due in the first two thirds of the stall: 100. The percentiles of a histogram are steps, hence half of it.
    expect(long(measured)).toBeGreaterThanOrEqual(50);
  });

  it('in a closed loop sees a stall once a caller, which is why it says so', async () => {
    // A clock of its own, on which an operation takes 1 ms: a busy machine adds no stalls.
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
    let isFirst = true;
    const operate = async () => {
      now += isFirst ? stallMs : 1;
      isFirst = false;
      return 1;
    };
    const measured = await runLoad({ ...shape, rate: undefined }, operate, new AbortController().signal);
    clock.mockRestore();
    expect(measured.latency.count).toBe(1 + shape.durationMs - stallMs);
    expect(long(measured)).toBe(1);
  });

  it('ends with the first operation that fails', async () => {
    const failing = async () => {
      throw new Error('refused');
    };
    for (const rate of [undefined, 1000]) {
      await expect(runLoad({ ...shape, rate }, failing, new AbortController().signal)).rejects.toThrow('refused');
    }
  });

  it('hears an interrupt although every answer is there at once', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    const forever = { ...shape, durationMs: 60_000, rate: undefined };
    const measured = await runLoad(forever, async () => 1, controller.signal);
    expect(measured.seconds).toBeLessThan(60);
  });
});

describe('a bench of a server', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startTestBroker({ redis: true });
  });
  afterAll(() => broker[Symbol.asyncDispose]());
  const at = () => ['--brokers', broker.bootstrapServers];
  const topics = async (): Promise<string[]> => {
    const { out } = await millrace('topic', 'list', ...at(), '--format', 'json');
    return JSON.parse(out).map(({ name }: { name: string }) => name);
  };
  const redisAt = () => ['--redis', new URL(broker.redisUrl ?? '').host];

  it.each([
    ['produce', ['--rate', '1000', '--batch', '5']],
    ['produce', ['--acks', '0', '-z', 'gzip']],
    ['consume', ['--records', '500', '--batch', '50']],
    ['e2e', ['--rate', '200', '--batch', '2']],
  ])('%s %j tells figures and conditions, and leaves no topic', async (name, options) => {
    const { code, out, err } = await bench(name, ...at(), ...options, ...brief);
    expect({ code: code === ExitCode.degraded ? ExitCode.ok : code, err: err.replace(/^.*asked for\n$/, '') }).toEqual({
      code: ExitCode.ok,
      err: '',
    });
    const result = JSON.parse(out);
    expect(result).toMatchObject({ bench: name, conditions: { target: `kafka ${broker.bootstrapServers}` } });
    expect(result.records).toBeGreaterThan(0);
    expect(result.latencyMicros.p999).toBeGreaterThanOrEqual(result.latencyMicros.p50);
    expect(await topics()).toEqual([]);
    expect((await bench('consume', ...at(), '--topic', 'none', ...brief)).code).toBe(ExitCode.notFound);
  });

  it('kv measures a Redis server and leaves no key', async () => {
    const { code, out } = await bench('kv', ...redisAt(), '--keys', '50', '--clients', '3', ...brief);
    expect(code).toBe(ExitCode.ok);
    expect(JSON.parse(out).records).toBeGreaterThan(0);
    const { hostname, port } = new URL(broker.redisUrl ?? '');
    const socket = connect(Number(port), hostname);
    socket.end('DBSIZE\r\n');
    expect((await socket.toArray()).join('')).toBe(':0\r\n');
  });

  it('reads a topic that is there, and writes nothing into it', async () => {
    await broker.createTopics({ orders: 2 });
    await broker.produce('orders', [{ value: 'a' }, { value: 'b' }]);
    const { code } = await bench('consume', ...at(), '--topic', 'orders', ...brief);
    expect(code).toBe(ExitCode.ok);
    expect(await broker.records('orders')).toHaveLength(2);
  });

  it('says in one line when nobody is there', async () => {
    const nobody = await bench('kv', '--redis', '127.0.0.1:1', ...brief);
    expect(nobody).toMatchObject({ code: ExitCode.failure, out: '' });
    expect(nobody.err).toMatch(/^millrace: cannot connect to 127\.0\.0\.1:1: .*\n$/);
  });
});

describe('a bench in this process', () => {
  it.each([
    ['produce', ['--flush', 'interval=50ms', '--durability', 'written']],
    ['consume', ['--records', '300', '--batch', '100']],
    ['e2e', ['--rate', '200']],
    ['kv', ['--keys', '100', '--reads', '90']],
    ['flush', []],
  ])('%s %j tells disk and policy, and leaves the directory as it was', async (name, options) => {
    using place = scratch('bench');
    const { code, out } = await bench(name, '--dir', place.path, ...options, ...brief);
    expect([ExitCode.ok, ExitCode.degraded]).toContain(code);
    const { conditions, records } = JSON.parse(out);
    expect(conditions.disk).toBeTypeOf('string');
    if (name === 'produce') expect(conditions).toMatchObject({ policy: 'interval=50ms', level: 'written' });
    expect(records).toBeGreaterThan(0);
    expect(readdirSync(place.path)).toEqual([]);
  });

  it('is shown beside an earlier run, and its percentiles go into a file', async () => {
    using place = scratch('bench');
    const [earlier, hdr] = [join(place.path, 'earlier.json'), join(place.path, 'percentiles')];
    writeFileSync(earlier, (await bench('flush', '--dir', place.path, ...brief)).out);
    const now = await bench(
      'flush',
      '--dir',
      place.path,
      '--size',
      '8192',
      '--compare',
      earlier,
      '--hdr',
      hdr,
      ...brief,
    );
    expect(now.code).toBe(ExitCode.ok);
    expect(now.err).toMatch(/EARLIER +NOW +RATIO\n(.*\n)*not the same: block: 4096 bytes then, 8192 bytes now\n$/);
    const { operations } = JSON.parse(now.out);
    const counted = Number(/Total count {4}= (\d+)/.exec(readFileSync(hdr, 'utf8'))?.[1]);
    expect(Math.abs(counted - operations)).toBeLessThanOrEqual(1);
  });

  it('ends with 5 when the rate was not reached', async () => {
    using place = scratch('bench');
    const late = await bench('flush', '--dir', place.path, '--rate', '1e6', ...brief);
    expect(late.code).toBe(ExitCode.degraded);
    expect(JSON.parse(late.out)).toMatchObject({ rateMet: false });
  });

  it('refuses what it cannot mean', async () => {
    using place = scratch('bench');
    const dir = ['--dir', place.path];
    for (const wrong of [
      ['consume', ...dir, '--rate', '5', '--records', '1'],
      ['e2e', ...dir, '--size', '7'],
      ['disk', ...dir, '--size', '1000'],
      ['flush', ...dir, '--duration', 'soon'],
      ['flush', ...dir, '--compare', join(import.meta.dirname, '../../package.json')],
    ]) {
      expect(await bench(...wrong, ...brief.slice(2))).toMatchObject({ code: ExitCode.usage, out: '' });
    }
    expect(readdirSync(place.path)).toEqual([]);
  });
});

it('replies are told once each, however the network cuts them', () => {
  const bytes = Buffer.from('+OK\r\n$5\r\nhe\r\no\r\n$-1\r\n:12\r\n-ERR no\r\n$0\r\n\r\n+PONG\r\n');
  for (let first = 0; first <= bytes.length; first += 1) {
    const seen: (string | undefined)[] = [];
    const cutter = new ReplyCutter((error) => seen.push(error));
    cutter.push(bytes.subarray(0, first));
    for (const byte of bytes.subarray(first)) cutter.push(Buffer.from([byte]));
    expect(seen).toEqual([undefined, undefined, undefined, undefined, 'ERR no', undefined, undefined]);
  }
  expect(() => new ReplyCutter(() => undefined).push(Buffer.from('HTTP/1.1 400\r\n'))).toThrow('not Redis');
});
