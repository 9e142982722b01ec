/** A consumer group goes on over kill -9: no member has to join again, and what it commits is accepted. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTopics } from '../support/calls.ts';
import { scratch } from '../support/scratch.ts';
import { freePort, startServer } from '../support/server.ts';
import { WireConnection } from '../support/wire.ts';
import { RequestWriter } from '../support/wire-fields.ts';

const ROUNDS = 3;
const GROUP = 'g';
const assignment = Buffer.from('the whole topic');

interface Member {
  readonly memberId: string;
  readonly generation: number;
}

/** JoinGroup v5 with an instance id, alone in the group. */
async function joinGroup(connection: WireConnection, memberId: string): Promise<Member> {
  const body = new RequestWriter().string(GROUP).int32(30_000).int32(30_000).string(memberId).string('instance');
  body.string('consumer').int32(1).string('range').int32(2).int16(0);
  const answer = await connection.call(11, 5, body);
  answer.int32();
  expect(answer.int16()).toBe(0);
  const generation = answer.int32();
  answer.string();
  answer.string();
  return { memberId: answer.string() ?? '', generation };
}

function claim({ generation, memberId }: Member): RequestWriter {
  return new RequestWriter().string(GROUP).int32(generation).string(memberId).string('instance');
}

/** SyncGroup v3; the leader hands in the assignment, anybody gets it. */
async function syncGroup(connection: WireConnection, member: Member, assign: boolean): Promise<string> {
  const body = claim(member).int32(assign ? 1 : 0);
  if (assign) body.string(member.memberId).int32(assignment.length).raw(assignment);
  const answer = await connection.call(14, 3, body);
  answer.int32();
  expect(answer.int16()).toBe(0);
  return answer.take(answer.int32()).toString();
}

/** Heartbeat v3. */
async function heartbeat(connection: WireConnection, member: Member): Promise<number> {
  const answer = await connection.call(12, 3, claim(member));
  answer.int32();
  return answer.int16();
}

/** OffsetCommit v7 as a member. */
async function commit(connection: WireConnection, member: Member, offset: number): Promise<number> {
  const body = claim(member).int32(1).string('t').int32(1).int32(0).int64(BigInt(offset)).int32(-1).string('');
  const answer = await connection.call(8, 7, body);
  answer.int32();
  const [errors] = answer.array(() => {
    answer.string();
    return answer.array(() => {
      answer.int32();
      return answer.int16();
    });
  });
  return errors?.[0] ?? -1;
}

it('a member keeps heartbeating, its assignment and its commits over kill -9, again and again', {
  timeout: 60_000,
}, async () => {
  using directory = scratch('groups');
  const options = { directory: join(directory.path, 'data'), port: await freePort() };
  let server = await startServer(options);
  let connection = await WireConnection.open(server.address);
  try {
    expect(await createTopics(connection, 't', 1)).toBe(0);
    const member = await joinGroup(connection, '');
    expect(await syncGroup(connection, member, true)).toBe(assignment.toString());
    for (let round = 0; round < ROUNDS; round += 1) {
      await server.kill();
      server = await startServer(options);
      connection = await WireConnection.open(server.address);
      expect(await heartbeat(connection, member)).toBe(0);
      expect(await syncGroup(connection, member, false)).toBe(assignment.toString());
      expect(await commit(connection, member, round)).toBe(0);
    }
    // The generation of before a rebalance is still told apart from the present one.
    const again = await joinGroup(connection, member.memberId);
    expect(again).toEqual({ memberId: member.memberId, generation: member.generation + 1 });
    expect(await heartbeat(connection, member)).toBe(22);
  } finally {
    connection[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  }
});
