/**
 * Promise: several clients that wait, push and pop get what redis-server 7 gives them: the same replies, to the same ones.
 *
 * MILLRACE_SEED replays a run; MILLRACE_LOCK_STEP is the number of commands.
 */
import { expect, it } from 'vitest';
import { type Random, seeded } from '../../support/random.ts';
import { openOwn, openTheirs } from '../support/redis-servers.ts';
import { encode, RespConnection } from '../support/resp-connection.ts';

const steps = Math.min(2000, Number(process.env.MILLRACE_LOCK_STEP ?? 300));
const CLIENTS = 5;

/** Clients of one server, some of which wait. */
class Side {
  readonly clients: RespConnection[] = [];
  readonly ids: number[] = [];
  readonly blocked = new Set<number>();

  static async open(port: number): Promise<Side> {
    const side = new Side();
    for (let index = 0; index <= CLIENTS; index += 1) {
      const client = await RespConnection.open(port);
      side.clients.push(client);
      side.ids.push(Number(await client.run('CLIENT', 'ID')));
    }
    return side;
  }

  /** The last one never waits. */
  get control(): RespConnection {
    return this.clients[CLIENTS] as RespConnection;
  }

  /** Which of these wait, as the server says. */
  async #waiting(): Promise<Set<number>> {
    const list = String(await this.control.run('CLIENT', 'LIST'));
    const ids = list.split('\n').flatMap((line) => (/ flags=b /.test(line) ? Number(/^id=(\d+)/.exec(line)?.[1]) : []));
    return new Set(ids.map((id) => this.ids.indexOf(id)));
  }

  /** Sends a command, and resolves when its client has a reply or waits; then tells all replies there are. */
  async step(index: number, args: readonly string[]): Promise<string[]> {
    const client = this.clients[index] as RespConnection;
    client.send(encode(args));
    const arrived = client.take(1).then(([reply]) => `${index} ${reply?.toString('latin1')}`);
    const replies: string[] = [];
    let isDone = false;
    arrived.then(
      () => {
        isDone = true;
      },
      () => undefined,
    );
    for (let tries = 0; !isDone && !(await this.#waiting()).has(index); tries += 1) {
      if (tries > 2000) throw new Error(`${args} has no reply and does not wait`);
    }
    const waits = await this.#waiting();
    if (waits.has(index)) this.#pending.set(index, arrived);
    else replies.push(await arrived);
    for (const [other, reply] of this.#pending) {
      if (waits.has(other)) continue;
      this.#pending.delete(other);
      replies.push(await reply);
    }
    this.blocked.clear();
    for (const other of waits) this.blocked.add(other);
    return replies.sort();
  }

  readonly #pending = new Map<number, Promise<string>>();

  [Symbol.dispose](): void {
    for (const reply of this.#pending.values()) reply.catch(() => undefined);
    for (const client of this.clients) client[Symbol.dispose]();
  }
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.between(0, from.length - 1)] as T;
}

const list = (random: Random): string => pick(random, ['l1', 'l2', 'l3', 'mixed']);
const sorted = (random: Random): string => pick(random, ['z1', 'z2', 'mixed']);
const side = (random: Random): string => pick(random, ['LEFT', 'RIGHT']);

const waits: ((random: Random) => string[])[] = [
  (r) => [pick(r, ['BLPOP', 'BRPOP']), list(r), list(r), '0'],
  (r) => ['BLMOVE', list(r), list(r), side(r), side(r), '0'],
  (r) => ['BRPOPLPUSH', list(r), list(r), '0'],
  (r) => ['BLMPOP', '0', '2', list(r), list(r), side(r), 'COUNT', pick(r, ['1', '3'])],
  (r) => [pick(r, ['BZPOPMIN', 'BZPOPMAX']), sorted(r), sorted(r), '0'],
  (r) => ['BZMPOP', '0', '2', sorted(r), sorted(r), pick(r, ['MIN', 'MAX']), 'COUNT', '2'],
];

/** Not ZUNIONSTORE over a key of another type: Redis 7.0 lets those who wait for it wait on, here they are served. */
const fills: ((random: Random) => string[])[] = [
  (r) => [pick(r, ['LPUSH', 'RPUSH']), list(r), 'a', 'b', 'c'].slice(0, r.between(3, 5)),
  (r) => ['ZADD', sorted(r), '1', 'a', '2', 'b', '3', 'c'].slice(0, pick(r, [4, 6, 8])),
  (r) => ['RENAME', pick(r, [list(r), sorted(r)]), pick(r, [list(r), sorted(r)])],
  (r) => ['COPY', list(r), list(r), 'REPLACE'],
  (r) => ['DEL', pick(r, [list(r), sorted(r)])],
  () => ['SET', 'mixed', 'a string'],
  (r) => ['LPOP', list(r)],
];

it('clients that wait are served as redis-server serves them', async () => {
  await seeded('clients that wait', async (random) => {
    await using ownServer = await openOwn('ring');
    await using theirServer = await openTheirs();
    using own = await Side.open(ownServer.port);
    using theirs = await Side.open(theirServer.port);
    const before: string[] = [];
    for (let done = 0; done < steps; done += 1) {
      const free = [...own.clients.keys()].filter((index) => index < CLIENTS && !own.blocked.has(index));
      const isWait = random.between(0, 1) === 0 && free.length > 1;
      const index = free.length === 0 ? CLIENTS : pick(random, free);
      const args = pick(random, isWait ? waits : fills)(random);
      before.push(`${index}: ${args.join(' ')}`);
      const [left, right] = await Promise.all([own.step(index, args), theirs.step(index, args)]);
      const history = before.slice(-25).join('\n');
      expect({ replies: left, blocked: [...own.blocked].sort(), history }).toEqual({
        replies: right,
        blocked: [...theirs.blocked].sort(),
        history,
      });
    }
    expect(before.length).toBe(steps);
  });
}, 60_000);
