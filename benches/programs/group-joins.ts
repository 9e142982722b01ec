/**
 * Members joining groups by the classic protocol: `--groups N` of `--members M` at once, then one more for each group.
 *
 * Prints how long it takes until every group is whole: all members have their assignment in one generation. Each member is
 * a connection of its own that does what a client has to, with a heartbeat every `--heartbeat` ms, so that it hears of a
 * rebalance. `--bootstrap H:P`.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ErrorCode, errorName } from '../../ts/broker/protocol/error-codes.ts';
import { findCoordinatorApi } from '../../ts/broker/protocol/gen/10-find-coordinator.gen.ts';
import { joinGroupApi } from '../../ts/broker/protocol/gen/11-join-group.gen.ts';
import { heartbeatApi } from '../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import { leaveGroupApi } from '../../ts/broker/protocol/gen/13-leave-group.gen.ts';
import { syncGroupApi } from '../../ts/broker/protocol/gen/14-sync-group.gen.ts';
import { ClientConnection } from '../../ts/client/connection.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { bootstrap: text, groups: text, members: text, heartbeat: text } });
const [host = '127.0.0.1', port = '9092'] = (values.bootstrap ?? '').split(':');
const groupCount = Number(values.groups ?? 100);
const memberCount = Number(values.members ?? 10);
const heartbeatMs = Number(values.heartbeat ?? 250);
const run = randomUUID();
/** Everything has to be whole by then. */
const LIMIT_MS = 120_000;
const SESSION_MS = 30_000;
const PROTOCOL = { protocolType: 'consumer', name: 'range', metadata: Buffer.alloc(64) };
/** One version for both sides: the last one that tells the leader everything without tags. */
const VERSIONS = { join: 5, sync: 3, heartbeat: 3, leave: 1, find: 2 } as const;

const AGAIN: readonly number[] = [ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.ILLEGAL_GENERATION];
const NOT_YET: readonly number[] = [
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
];

/** How many members have their assignment in the newest generation; `whole` is resolved when all have. */
class Group {
  readonly id: string;
  #wanted = 0;
  #generation = -1;
  #settled = 0;
  #whole: (() => void) | undefined;

  constructor(id: string) {
    this.id = id;
  }

  /** Resolves when `members` of one generation have their assignments. */
  wholeWith(members: number): Promise<void> {
    this.#wanted = members;
    return new Promise((resolve) => {
      this.#whole = resolve;
    });
  }

  settled(generation: number): void {
    if (generation > this.#generation) [this.#generation, this.#settled] = [generation, 0];
    if (generation === this.#generation) this.#settled += 1;
    if (this.#settled === this.#wanted) this.#whole?.();
  }
}

class Member {
  readonly #group: Group;
  readonly #connection: ClientConnection;
  #memberId = '';
  #isOver = false;

  constructor(group: Group, connection: ClientConnection) {
    this.#group = group;
    this.#connection = connection;
  }

  /** Joins, and joins again whenever there is a rebalance, until `leave`. */
  async live(): Promise<void> {
    while (!this.#isOver) {
      const generation = await this.#join();
      if (generation === undefined) continue;
      this.#group.settled(generation);
      await this.#beatWhile(generation);
    }
    const { id: groupId } = this.#group;
    await this.#connection.request(
      leaveGroupApi,
      { groupId, memberId: this.#memberId },
      { maxVersion: VERSIONS.leave },
    );
    await this.#connection.close();
  }

  leave(): void {
    this.#isOver = true;
  }

  /** One join and sync; the generation, or undefined when it has to be done again. */
  async #join(): Promise<number | undefined> {
    const { id: groupId } = this.#group;
    const { protocolType, ...protocol } = PROTOCOL;
    const times = { sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: SESSION_MS };
    const body = { groupId, ...times, memberId: this.#memberId, protocolType, protocols: [protocol] };
    const joined = await this.#connection.request(joinGroupApi, body, { maxVersion: VERSIONS.join });
    if (joined.errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
      this.#memberId = joined.memberId;
      return undefined;
    }
    if (NOT_YET.includes(joined.errorCode)) await sleep(50);
    if (NOT_YET.includes(joined.errorCode) || AGAIN.includes(joined.errorCode)) return undefined;
    expectNone('JoinGroup', joined.errorCode);
    this.#memberId = joined.memberId;
    const isLeader = joined.leader === joined.memberId;
    const assignment = Buffer.alloc(32);
    const assignments = isLeader ? joined.members.map(({ memberId }) => ({ memberId, assignment })) : [];
    const { generationId = -1 } = joined;
    const sync = { groupId, generationId, memberId: this.#memberId, assignments };
    const synced = await this.#connection.request(syncGroupApi, sync, { maxVersion: VERSIONS.sync });
    if (AGAIN.includes(synced.errorCode)) return undefined;
    expectNone('SyncGroup', synced.errorCode);
    return generationId;
  }

  async #beatWhile(generationId: number): Promise<void> {
    // Not in step with those that were answered together: whoever answers all at once would be heard of last.
    for (let restMs = heartbeatMs * Math.random(); ; restMs = heartbeatMs) {
      await sleep(restMs);
      if (this.#isOver) return;
      const body = { groupId: this.#group.id, generationId, memberId: this.#memberId };
      const { errorCode } = await this.#connection.request(heartbeatApi, body, { maxVersion: VERSIONS.heartbeat });
      if (AGAIN.includes(errorCode)) return;
      expectNone('Heartbeat', errorCode);
    }
  }
}

function expectNone(what: string, error: number): void {
  if (error !== ErrorCode.NONE) throw new Error(`${what} was answered with ${errorName(error)}`);
}

/** A broker that has just started makes its internal topics first. */
async function coordinatorIsThere(): Promise<void> {
  await using connection = await ClientConnection.open({ host, port: Number(port) });
  for (const end = Date.now() + LIMIT_MS; Date.now() < end; await sleep(200)) {
    const key = `bench-${run}-0`;
    const { errorCode = 0 } = await connection.request(findCoordinatorApi, { key }, { maxVersion: VERSIONS.find });
    if (errorCode === ErrorCode.NONE) return;
  }
  throw new Error('the broker has no coordinator');
}

async function connected(count: number): Promise<ClientConnection[]> {
  const connections: ClientConnection[] = [];
  for (let left = count; left > 0; left -= 1) {
    connections.push(await ClientConnection.open({ host, port: Number(port) }));
  }
  return connections;
}

/** Lets one member a connection live; resolves with ms from now until all groups are whole. */
async function untilWhole(groups: readonly Group[], connections: readonly ClientConnection[], wanted: number) {
  const started = performance.now();
  const whole = groups.map((group) => group.wholeWith(wanted));
  for (const [number, connection] of connections.entries()) {
    const member = new Member(groups[number % groups.length] as Group, connection);
    members.push(member);
    lives.push(member.live());
  }
  // A member that fails ends the run; none ends before `leave`.
  await Promise.race([Promise.all(whole), Promise.all(lives), late()]);
  return performance.now() - started;
}

async function late(): Promise<never> {
  await sleep(LIMIT_MS, undefined, { ref: false });
  throw new Error(`not all groups were whole after ${LIMIT_MS} ms`);
}

const members: Member[] = [];
const lives: Promise<void>[] = [];
await coordinatorIsThere();
const groups = Array.from({ length: groupCount }, (_, number) => new Group(`bench-${run}-${number}`));
const first = await connected(groupCount * memberCount);
const more = await connected(groupCount);
const joinMilliseconds = await untilWhole(groups, first, memberCount);
const rebalanceMilliseconds = await untilWhole(groups, more, memberCount + 1);
for (const member of members) member.leave();
await Promise.all(lives);
process.stdout.write(`${JSON.stringify({ members: members.length, joinMilliseconds, rebalanceMilliseconds })}\n`);
