/** Promises of what a server says while it runs: lines for people, or lines of JSON that are whole and say when. */
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { serverLog } from '../../ts/cli/server-log.ts';

function terminal() {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  return { stdin, stdout, stderr, said: () => String(stderr.read() ?? ''), data: () => stdout.read() };
}

it('says to people what it is given, and nothing else', () => {
  const to = terminal();
  serverLog(to, 'text').say('info', 'closing', 'millrace: closing', { secret: 1 });
  expect(to.said()).toBe('millrace: closing\n');
});

it('writes one object a line with time, level, event, message and fields, and nothing to stdout', () => {
  const to = terminal();
  const log = serverLog(to, 'json', () => Date.parse('2026-01-02T03:04:05.678Z'));
  log.say('info', 'ready', 'millrace 1 serves\n  data here', { kafka: '127.0.0.1:9092' });
  log.say('warn', 'connection', 'millrace: closed 127.0.0.1: a "quote"\n');
  const lines = to.said().trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      time: '2026-01-02T03:04:05.678Z',
      level: 'info',
      event: 'ready',
      message: 'millrace 1 serves',
      kafka: '127.0.0.1:9092',
      pid: process.pid,
    },
    {
      time: '2026-01-02T03:04:05.678Z',
      level: 'warn',
      event: 'connection',
      message: 'closed 127.0.0.1: a "quote"',
      pid: process.pid,
    },
  ]);
  expect(to.data()).toBeNull();
});

it('lets no field take the place of what every line has', () => {
  const to = terminal();
  serverLog(to, 'json', () => 0).say('info', 'ready', 'x', { level: 'loud', event: 'other' });
  expect(JSON.parse(to.said())).toMatchObject({ level: 'info', event: 'ready' });
});
