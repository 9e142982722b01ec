/**
 * Promise: the same commands get the same replies, byte for byte, from this server and from redis-server 7.
 *
 * MILLRACE_SEED replays a run; MILLRACE_LOCK_STEP is the number of commands in each protocol, run in parts of a new server each.
 */
import { describe, expect, it } from 'vitest';
import { Random, seeded } from '../support/random.ts';
import type { RandomCommand } from './support/random-arguments.ts';
import { nextCommands } from './support/random-commands.ts';
import { openOwn, openTheirs } from './support/redis-servers.ts';
import { encode, RespConnection } from './support/resp-connection.ts';
import { replyValue, type Value } from './support/resp-reader.ts';

const commands = Number(process.env.MILLRACE_LOCK_STEP ?? 6000);
/** Commands of one part at most. */
const PART = 20_000;
/** Sent at once, before any reply is read. */
const BATCH = 20;

function sorted(value: Value): Value {
  if (!Array.isArray(value)) return value;
  const list = value.map(sorted);
  return list.toSorted((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
}

/** The same, but for moments that two clocks have told. */
function alike(left: Value, right: Value): boolean {
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((one, index) => alike(one, right[index] as Value));
  }
  if (typeof left === 'number' && typeof right === 'number') return left === right || isNear(left, right);
  return JSON.stringify(left) === JSON.stringify(right);
}

function isNear(left: number, right: number): boolean {
  return left > 0 && right > 0 && Math.max(left, right) > 500 && Math.abs(left - right) < 2000;
}

/** Without the sign of a zero, which Redis keeps as a score in sorted sets that are large, or have been, and else not. */
function unsigned(reply: Buffer): Buffer {
  const text = reply
    .toString('latin1')
    .replaceAll('$2\r\n-0\r\n', '$1\r\n0\r\n')
    .replaceAll('\r\n,-0\r\n', '\r\n,0\r\n');
  return Buffer.from(text.replace(/^,-0\r/, ',0\r'), 'latin1');
}

/** Whether two replies are as good as the same. */
function agree({ args, comparison }: RandomCommand, ownReply: Buffer, theirReply: Buffer): boolean {
  if (ownReply.equals(theirReply)) return true;
  const hasScores = /^(z|exec)/i.test(args[0] ?? '');
  const [own, theirs] = hasScores ? [unsigned(ownReply), unsigned(theirReply)] : [ownReply, theirReply];
  if (own.equals(theirs)) return true;
  const [left, right] = [replyValue(own), replyValue(theirs)];
  if (comparison === 'unordered') return alike(sorted(left), sorted(right));
  if (comparison === 'near') {
    return typeof left === 'number' && typeof right === 'number' && left > 0 && Math.abs(left - right) < 2000;
  }
  return comparison === 'kind' && typeof left === typeof right;
}

async function compare(own: RespConnection, theirs: RespConnection, batch: readonly RandomCommand[]): Promise<void> {
  const bytes = Buffer.concat(batch.map(({ args }) => encode(args)));
  own.send(bytes);
  theirs.send(bytes);
  const [left, right] = await Promise.all([own.take(batch.length), theirs.take(batch.length)]);
  const wrong = batch.findIndex((command, index) => !agree(command, left[index] as Buffer, right[index] as Buffer));
  if (wrong < 0) return;
  const before = batch.slice(Math.max(0, wrong - 12), wrong).map(({ args }) => args);
  const [ours, redis] = [left[wrong], right[wrong]].map((reply) => JSON.stringify(String(reply?.toString('latin1'))));
  expect.fail(
    `${JSON.stringify(batch[wrong]?.args)}\n  ours  ${ours}\n  redis ${redis}\n  after ${JSON.stringify(before)}`,
  );
}

/** Keys that end while nobody looks. */
async function letExpire(own: RespConnection, theirs: RespConnection): Promise<void> {
  const batch: RandomCommand[] = ['a', 'b', 'key:4'].map((key) => ({
    args: ['SET', key, 'short', 'PX', '15'],
    comparison: 'bytes',
  }));
  await compare(own, theirs, batch);
  await new Promise((resolve) => setTimeout(resolve, 40));
}

async function run(random: Random, ownPort: number, theirPort: number, protocol: string): Promise<void> {
  using own = await RespConnection.open(ownPort);
  using theirs = await RespConnection.open(theirPort);
  for (const connection of [own, theirs]) await connection.run('HELLO', protocol);
  for (let done = 0; done < Math.min(PART, commands); ) {
    const batch: RandomCommand[] = [];
    while (batch.length < BATCH) batch.push(...nextCommands(random));
    await compare(own, theirs, batch);
    done += batch.length;
    if (random.between(0, 30) === 0) {
      await compare(own, theirs, [{ args: ['DISCARD'], comparison: 'bytes' }]);
      await letExpire(own, theirs);
    }
  }
  await compare(own, theirs, [{ args: ['DISCARD'], comparison: 'bytes' }]);
  for (const db of ['0', '3']) {
    await compare(own, theirs, [
      { args: ['SELECT', db], comparison: 'bytes' },
      { args: ['DBSIZE'], comparison: 'kind' },
      { args: ['KEYS', '*'], comparison: 'unordered' },
    ]);
    const keys = (await own.run('KEYS', '*')) as string[];
    await theirs.run('KEYS', '*');
    await compare(own, theirs, keys.flatMap(contents));
  }
}

/** Everything that can be asked of a key; all but one are WRONGTYPE. */
function contents(key: string): RandomCommand[] {
  const asked: [RandomCommand['comparison'], string[]][] = [
    ['bytes', ['TYPE', key]],
    ['bytes', ['GET', key]],
    ['unordered', ['HGETALL', key]],
    ['unordered', ['SMEMBERS', key]],
    ['bytes', ['ZRANGE', key, '0', '-1', 'WITHSCORES']],
    ['bytes', ['LRANGE', key, '0', '-1']],
    ['near', ['PTTL', key]],
  ];
  return asked.map(([comparison, args]) => ({ comparison, args }));
}

const parts = Math.ceil(commands / PART);
const all = ['2', '3'].flatMap((protocol) => Array.from({ length: parts }, (_, part) => [protocol, part] as const));

describe('random commands get the replies of redis-server', () => {
  it.each(all)(
    'in RESP%s, part %d',
    async (protocol, part) => {
      await seeded(`in RESP${protocol}, part ${part}`, async (random) => {
        await using own = await openOwn('ring');
        await using theirs = await openTheirs();
        // Of one seed, but each part has commands of its own.
        await run(new Random(random.between(0, 2 ** 30) + part), own.port, theirs.port, protocol);
      });
    },
    300_000,
  );
});
