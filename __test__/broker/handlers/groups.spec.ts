/** The group APIs in front of the state machine: what versions carry, sessions on the wheel, groups that are forgotten. */
import { describe, expect, it } from 'vitest';
import { GroupCoordinator } from '../../../ts/broker/groups/coordinator.ts';
import type { JoinResult } from '../../../ts/broker/groups/events.ts';
import { GROUP_ENTRY_MAX } from '../../../ts/broker/groups/group-store.ts';
import { joinGroupApi } from '../../../ts/broker/protocol/gen/11-join-group.gen.ts';
import { heartbeatApi } from '../../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import { leaveGroupApi } from '../../../ts/broker/protocol/gen/13-leave-group.gen.ts';
import { syncGroupApi } from '../../../ts/broker/protocol/gen/14-sync-group.gen.ts';
import { Code } from '../../../ts/io/native-types.ts';
import { groupPrefix } from '../../../ts/log/state-keys.ts';
import { openHarness } from '../support/harness.ts';
import { ManualTimers } from '../support/manual-timers.ts';

const protocols = [{ name: 'range', metadata: Uint8Array.of(1, 2, 3) }];
const join = {
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 30_000,
  memberId: '',
  protocolType: 'consumer',
  protocols,
};

describe('join, sync, heartbeat and leave', () => {
  it('take a member through a whole life', async () => {
    await using harness = openHarness();
    const required = await harness.ask(joinGroupApi, 9, join);
    expect(required).toMatchObject({ errorCode: 79, generationId: -1, protocolName: null });
    const { memberId } = required;
    expect(memberId).toMatch(/^test-/);
    const joined = await harness.ask(joinGroupApi, 9, { ...join, memberId });
    expect(joined).toMatchObject({ errorCode: 0, generationId: 1, leader: memberId, protocolType: 'consumer' });
    expect(joined.members.map((member) => Buffer.from(member.metadata))).toEqual([Buffer.of(1, 2, 3)]);
    const claim = { groupId: 'g', generationId: 1, memberId };
    const synced = await harness.ask(syncGroupApi, 5, {
      ...claim,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [{ memberId, assignment: Uint8Array.of(9) }],
    });
    expect(synced).toMatchObject({ errorCode: 0, protocolType: 'consumer', protocolName: 'range' });
    expect(Buffer.from(synced.assignment)).toEqual(Buffer.of(9));
    expect((await harness.ask(heartbeatApi, 4, claim)).errorCode).toBe(0);
    const left = await harness.ask(leaveGroupApi, 5, { groupId: 'g', members: [{ memberId }] });
    expect(left).toMatchObject({ errorCode: 0, members: [{ memberId, errorCode: 0 }] });
    expect((await harness.ask(heartbeatApi, 4, claim)).errorCode).toBe(25);
    expect(harness.broker.context.groups.size).toBe(0);
  });

  it('serve version 0: no member id required, no rebalance timeout, an empty text for no protocol', async () => {
    await using harness = openHarness();
    expect(await harness.ask(joinGroupApi, 0, join)).toMatchObject({ errorCode: 0, generationId: 1 });
    const refused = await harness.ask(joinGroupApi, 6, { ...join, memberId: 'ghost' });
    expect(refused).toMatchObject({ errorCode: 25, protocolName: '' });
  });

  it('refuse a session timeout outside the bounds (rule 41), an empty group id and an unknown group', async () => {
    await using harness = openHarness({ 'group.min.session.timeout.ms': 1000 });
    const errorOf = async (change: Partial<typeof join>) =>
      (await harness.ask(joinGroupApi, 9, { ...join, ...change })).errorCode;
    expect(await errorOf({ sessionTimeoutMs: 999 })).toBe(26);
    expect(await errorOf({ sessionTimeoutMs: 1_800_001 })).toBe(26);
    expect(await errorOf({ groupId: '' })).toBe(24);
    expect(await errorOf({ memberId: 'ghost' })).toBe(25);
    const nobody = { groupId: 'none', generationId: 1, memberId: 'm' };
    expect((await harness.ask(syncGroupApi, 5, nobody)).errorCode).toBe(25);
    expect((await harness.ask(leaveGroupApi, 1, { groupId: 'none', memberId: 'm' })).errorCode).toBe(25);
  });

  it('refuse an assignment that is too large to keep, with an error no client repeats at once, and keep nothing', async () => {
    await using harness = openHarness();
    const { memberId, generationId } = await harness.ask(joinGroupApi, 3, join);
    const assignments = [{ memberId, assignment: new Uint8Array(GROUP_ENTRY_MAX) }];
    const claim = { groupId: 'g', generationId, memberId };
    expect((await harness.ask(syncGroupApi, 3, { ...claim, assignments })).errorCode).toBe(-1);
    expect((await harness.ask(heartbeatApi, 3, claim)).errorCode).toBe(27);
    expect(harness.engine.scanState(groupPrefix())).toEqual([]);
  });

  it('answer who waits for an assignment to be stored when the broker closes', async () => {
    const harness = openHarness();
    const { memberId, generationId } = await harness.ask(joinGroupApi, 3, join);
    const call = harness.send(syncGroupApi, 3, { groupId: 'g', generationId, memberId, assignments: [] });
    await harness.broker.close();
    expect((await call.reply()).errorCode).toBe(16);
    await harness.engine.close();
  });

  it('answer who waits in a join when the broker closes', async () => {
    const harness = openHarness({ 'group.initial.rebalance.delay.ms': 60_000 });
    const call = harness.send(joinGroupApi, 3, join);
    expect(call.ended).toBe(false);
    await harness.broker.close();
    expect((await call.reply()).errorCode).toBe(16);
  });
});

describe('the coordinator', () => {
  function setUp(hasOffsets: boolean) {
    const timers = new ManualTimers();
    const settings = {
      initialRebalanceDelayMs: 0,
      minSessionTimeoutMs: 6000,
      maxSessionTimeoutMs: 1_800_000,
      maxSize: 10,
      newMemberJoinTimeoutMs: 300_000,
    };
    let made = 0;
    const coordinator = new GroupCoordinator({
      timers,
      settings,
      store: { load: () => [], put: (_group, _stored, done) => done(Code.ok), delete: () => {} },
      newSuffix: () => String(++made),
      hasOffsets: () => hasOffsets,
      wallMs: () => timers.nowMs(),
    });
    const results: JoinResult[] = [];
    const request = {
      memberId: '',
      instanceId: null,
      clientId: 'c',
      clientHost: 'h',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 30_000,
      protocolType: 'consumer',
      protocols,
      requireKnownMember: false,
      canSkipAssignment: false,
    };
    coordinator.join('g', request, (result) => results.push(result));
    return { timers, coordinator, results, request };
  }

  it('ends the session of a member that sends no heartbeat, not of one that does', () => {
    const { timers, coordinator, results } = setUp(true);
    const claim = { memberId: results[0]?.memberId ?? '', instanceId: null, generation: 1 };
    const sync = { ...claim, protocolType: null, protocolName: null, assignments: [] };
    coordinator.sync('g', sync, () => {});
    for (let count = 0; count < 5; count++) {
      timers.pass(9_000);
      expect(coordinator.heartbeat('g', claim)).toBe(0);
    }
    timers.pass(10_001);
    expect(coordinator.heartbeat('g', claim)).toBe(25);
    expect(coordinator.get('g')?.state).toBe('Empty');
  });

  it('forgets a group without members unless it has offsets, and leaves no timer behind', () => {
    const forgotten = setUp(false);
    forgotten.timers.pass(10_001);
    expect([forgotten.coordinator.size, forgotten.timers.wheel.size]).toEqual([0, 0]);
    const kept = setUp(true);
    kept.timers.pass(10_001);
    expect([kept.coordinator.size, kept.timers.wheel.size]).toEqual([1, 0]);
  });

  it('forgets a member id that was reserved and never used', () => {
    const { timers, coordinator, request } = setUp(false);
    coordinator.join('other', { ...request, requireKnownMember: true }, () => {});
    expect(coordinator.size).toBe(2);
    timers.pass(10_001);
    expect(coordinator.size).toBe(0);
  });
});
