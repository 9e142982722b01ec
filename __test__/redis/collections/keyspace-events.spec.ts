/** Promise: commands on collections are told in the same keyspace events, in the same order, as by redis-server 7. */
import { expect, it } from 'vitest';
import { type Random, seeded } from '../../support/random.ts';
import { pick } from '../support/random-arguments.ts';
import { collectionFamilies } from '../support/random-collections.ts';
import { openOwn, openTheirs } from '../support/redis-servers.ts';
import { encode, RespConnection } from '../support/resp-connection.ts';
import { replyValue } from '../support/resp-reader.ts';

const ROUNDS = 12;
const COMMANDS = 60;

/** A server with a connection that commands and one that listens. */
async function watched(port: number): Promise<{ client: RespConnection; listener: RespConnection }> {
  const [client, listener] = await Promise.all([RespConnection.open(port), RespConnection.open(port)]);
  expect(await client.run('CONFIG', 'SET', 'notify-keyspace-events', 'EA')).toBe('OK');
  await listener.run('PSUBSCRIBE', '__keyevent@0__:*');
  return { client, listener };
}

/** Runs commands, and tells the events up to a last one that it makes itself. */
async function eventsOf(
  { client, listener }: { client: RespConnection; listener: RespConnection },
  commands: readonly string[][],
): Promise<string[]> {
  const all = [...commands, ['SET', 'the end', 'x'], ['DEL', 'the end']];
  client.send(Buffer.concat(all.map((args) => encode(args))));
  await client.take(all.length);
  const events: string[] = [];
  for (;;) {
    const [, , channel, key] = replyValue((await listener.take(1))[0] as Buffer) as string[];
    const event = `${String(channel).replace('__keyevent@0__:', '')} ${key}`;
    if (event === 'del the end') return events;
    events.push(event);
  }
}

function draw(random: Random): string[][] {
  return Array.from({ length: COMMANDS }, () => pick(random, pick(random, collectionFamilies))(random));
}

it('random commands on sets, sorted sets and lists make the events of redis-server', async () => {
  await seeded('random commands on sets', async (random) => {
    await using own = await openOwn('ring');
    await using theirs = await openTheirs();
    const [left, right] = await Promise.all([watched(own.port), watched(theirs.port)]);
    let count = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const commands = draw(random);
      const [ours, expected] = await Promise.all([eventsOf(left, commands), eventsOf(right, commands)]);
      expect({ events: ours, commands }).toEqual({ events: expected, commands });
      count += ours.length;
    }
    expect(count).toBeGreaterThan(ROUNDS * 10);
    for (const { client, listener } of [left, right]) {
      client[Symbol.dispose]();
      listener[Symbol.dispose]();
    }
  });
}, 30_000);
