/** Decisions of the choke point: what rules allow and deny, and that they outlive a power cut. */
import { describe, expect, it } from 'vitest';
import { AUTHORIZERS } from '../../../ts/broker/config-keys-security.ts';
import { ErrorCode } from '../../../ts/broker/protocol/error-codes.ts';
import { fetchApi } from '../../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { metadataApi } from '../../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { offsetCommitApi } from '../../../ts/broker/protocol/gen/08-offset-commit.gen.ts';
import { listGroupsApi } from '../../../ts/broker/protocol/gen/16-list-groups.gen.ts';
import { createAclsApi } from '../../../ts/broker/protocol/gen/30-create-acls.gen.ts';
import { deleteAclsApi } from '../../../ts/broker/protocol/gen/31-delete-acls.gen.ts';
import { Access, type AccessOptions } from '../../../ts/broker/security/access.ts';
import { type Acl, Operation, Pattern, Permission, ResourceType } from '../../../ts/broker/security/acl.ts';
import { AclStore } from '../../../ts/broker/security/acl-store.ts';
import { Code } from '../../../ts/io/native-types.ts';
import { openHarness } from '../support/harness.ts';
import { openWatchedEngine } from '../support/watched-engine.ts';

const RULE: Acl = {
  resourceType: ResourceType.topic,
  resourceName: 'orders',
  patternType: Pattern.literal,
  principal: 'User:alice',
  host: '*',
  operation: Operation.read,
  permission: Permission.allow,
};
const alice = { principal: 'User:alice', host: '10.0.0.1' };
const bob = { principal: 'User:bob', host: '10.0.0.1' };
const { topic } = ResourceType;

function add(store: AclStore, ...acls: Acl[]): Promise<void> {
  return new Promise((resolve, reject) => {
    store.add(acls, (code) => (code === Code.ok ? resolve() : reject(new Error(`code ${code}`))));
  });
}

async function decided(rules: readonly Partial<Acl>[], options: Partial<AccessOptions> = {}): Promise<Access> {
  const engine = openWatchedEngine();
  const store = new AclStore(engine);
  await add(store, ...rules.map((rule) => ({ ...RULE, ...rule })));
  await engine.close();
  return new Access(store, { isEnabled: true, superUsers: new Set(), allowWithoutRule: false, ...options });
}

describe('access', () => {
  it('is open to everybody without an authorizer, and to nobody with one and no rule', async () => {
    expect((await decided([], { isEnabled: false })).may(bob, Operation.delete, topic, 'orders')).toBe(true);
    expect((await decided([])).may(bob, Operation.delete, topic, 'orders')).toBe(false);
  });

  it('is for the principal, the operation and the name of a rule, and no other', async () => {
    const access = await decided([{}]);
    expect(access.may(alice, Operation.read, topic, 'orders')).toBe(true);
    expect(access.may(alice, Operation.describe, topic, 'orders')).toBe(true);
    expect(access.may(alice, Operation.write, topic, 'orders')).toBe(false);
    expect(access.may(alice, Operation.read, topic, 'orders2')).toBe(false);
    expect(access.may(alice, Operation.read, ResourceType.group, 'orders')).toBe(false);
    expect(access.may(bob, Operation.read, topic, 'orders')).toBe(false);
    expect(access.may({ ...alice, principal: 'Group:alice' }, Operation.read, topic, 'orders')).toBe(false);
  });

  it('lets a rule that denies win over any that allow, in every mix of patterns', async () => {
    const patterns: Partial<Acl>[] = [
      { resourceName: 'orders' },
      { resourceName: 'ord', patternType: Pattern.prefixed },
      { resourceName: '*' },
    ];
    for (const allowing of patterns) {
      for (const denying of patterns) {
        const deny = { ...denying, permission: Permission.deny, operation: Operation.all };
        const access = await decided([{ ...allowing, operation: Operation.all }, deny]);
        expect(access.may(alice, Operation.read, topic, 'orders')).toBe(false);
        expect(
          (await decided([{ ...allowing, operation: Operation.all }])).may(alice, Operation.read, topic, 'orders'),
        ).toBe(true);
      }
    }
  });

  it('denies an operation without denying what it implies', async () => {
    const access = await decided([{ operation: Operation.all }, { permission: Permission.deny }]);
    expect(access.may(alice, Operation.read, topic, 'orders')).toBe(false);
    expect(access.may(alice, Operation.describe, topic, 'orders')).toBe(true);
  });

  it('takes prefixes, the wildcard and everybody as they are written', async () => {
    const access = await decided([
      { resourceName: 'a.', patternType: Pattern.prefixed },
      { resourceName: '*', operation: Operation.write },
      { principal: 'User:*', resourceName: 'news' },
    ]);
    expect(access.may(alice, Operation.read, topic, 'a.b')).toBe(true);
    expect(access.may(alice, Operation.read, topic, 'ab')).toBe(false);
    expect(access.may(alice, Operation.write, topic, 'anything')).toBe(true);
    expect(access.may(bob, Operation.read, topic, 'news')).toBe(true);
  });

  it('holds for the host of a rule only', async () => {
    const access = await decided([{ host: '10.0.0.2' }]);
    expect(access.may(alice, Operation.read, topic, 'orders')).toBe(false);
    expect(access.may({ ...alice, host: '10.0.0.2' }, Operation.read, topic, 'orders')).toBe(true);
  });

  it('is never refused to a super user, whatever denies', async () => {
    const access = await decided([{ permission: Permission.deny }], { superUsers: new Set(['User:alice']) });
    expect(access.may(alice, Operation.read, topic, 'orders')).toBe(true);
  });

  it('can be open where no rule names a resource', async () => {
    const access = await decided([{}], { allowWithoutRule: true });
    expect(access.may(bob, Operation.write, topic, 'other')).toBe(true);
    expect(access.may(bob, Operation.read, topic, 'orders')).toBe(false);
  });

  it('knows whether any topic may be written, unless all of them are denied', async () => {
    const write = { operation: Operation.write };
    const deny = { ...write, permission: Permission.deny };
    const prefixed = { patternType: Pattern.prefixed };
    const any = async (...rules: Partial<Acl>[]) => (await decided(rules)).mayAny(alice, Operation.write, topic);
    expect(await any()).toBe(false);
    expect(await any(write)).toBe(true);
    expect(await any(write, { ...deny, resourceName: '*' })).toBe(false);
    expect(await any(write, { ...deny, ...prefixed, resourceName: 'ord' })).toBe(false);
    expect(
      await any({ ...write, ...prefixed, resourceName: 'or' }, { ...deny, ...prefixed, resourceName: 'ord' }),
    ).toBe(true);
    expect(await any({ ...write, ...prefixed, resourceName: 'ord' }, { ...deny, resourceName: 'orders' })).toBe(true);
  });
});

describe('rules', () => {
  const ENFORCED = { 'authorizer.class.name': AUTHORIZERS[0] ?? '' };
  const SUPER = { ...ENFORCED, 'super.users': 'User:ANONYMOUS' };
  const creation = {
    resourceType: topic,
    resourceName: 'orders',
    resourcePatternType: Pattern.literal,
    principal: 'User:alice',
    host: '*',
    operation: Operation.read,
    permissionType: Permission.allow,
  };

  it('are refused when they cannot mean anything, each by itself', async () => {
    await using harness = openHarness(SUPER);
    const creations = [
      creation,
      { ...creation, resourceName: '' },
      { ...creation, resourceType: ResourceType.cluster },
      { ...creation, resourcePatternType: Pattern.match },
      { ...creation, operation: Operation.any },
      { ...creation, permissionType: Permission.any },
      { ...creation, principal: 'alice' },
    ];
    const { results } = await harness.ask(createAclsApi, 3, { creations });
    expect(results.map(({ errorCode }) => errorCode)).toEqual([0, 42, 42, 42, 42, 42, 42]);
    expect(harness.broker.context.security.acls.size).toBe(1);
  });

  it('are there after a power cut when they were answered, and gone when their deletion was', async () => {
    const engine = openWatchedEngine();
    const store = new AclStore(engine);
    await add(store, RULE, { ...RULE, resourceName: 'kept' });
    await new Promise<void>((resolve) => store.remove([RULE], () => resolve()));
    engine.cutPower();
    await engine.close();
    const again = openWatchedEngine({ sim: engine.disk });
    const reopened = new AclStore(again);
    expect([...reopened.ofType(topic)].map(({ resourceName }) => resourceName)).toEqual(['kept']);
    await again.close();
  });

  it('that a filter means are deleted and told, and hold no longer', async () => {
    await using harness = openHarness(SUPER);
    await harness.ask(createAclsApi, 3, { creations: [creation, { ...creation, resourceName: 'other' }] });
    const filter = { resourceTypeFilter: topic, resourceNameFilter: 'orders', patternTypeFilter: Pattern.match };
    const everything = {
      principalFilter: null,
      hostFilter: null,
      operation: Operation.any,
      permissionType: Permission.any,
    };
    const { filterResults } = await harness.ask(deleteAclsApi, 3, { filters: [{ ...filter, ...everything }] });
    expect(filterResults[0]?.matchingAcls.map(({ resourceName }) => resourceName)).toEqual(['orders']);
    expect(harness.broker.context.security.access.may(alice, Operation.read, topic, 'orders')).toBe(false);
    expect(harness.broker.context.security.access.may(alice, Operation.read, topic, 'other')).toBe(true);
  });

  it('show of a list what may be described, hide the rest, and refuse it by name', async () => {
    await using harness = openHarness(ENFORCED);
    const { acls } = harness.broker.context.security;
    const own = { principal: 'User:ANONYMOUS' };
    const cluster = { resourceType: ResourceType.cluster, resourceName: 'kafka-cluster', operation: Operation.create };
    await add(acls, { ...RULE, ...own, ...cluster });
    await harness.topic('orders');
    await harness.topic('secret');
    await add(acls, { ...RULE, ...own, operation: Operation.describe });
    const all = await harness.ask(metadataApi, 9, { topics: null });
    expect(all.topics.map(({ name }) => name)).toEqual(['orders']);
    const named = await harness.ask(metadataApi, 9, {
      topics: [{ name: 'orders' }, { name: 'secret' }, { name: 'none' }],
    });
    expect(named.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['orders', 0],
      ['secret', 29],
      ['none', 29],
    ]);
  });

  it('are asked again at every fetch of a session', async () => {
    await using harness = openHarness(SUPER);
    await harness.topic('orders');
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000, currentLeaderEpoch: -1 }];
    const opened = await harness.ask(fetchApi, 12, {
      sessionEpoch: 0,
      maxBytes: 1000,
      topics: [{ topic: 'orders', partitions }],
    });
    expect(opened.responses[0]?.partitions[0]?.errorCode).toBe(0);
    const { access } = harness.broker.context.security;
    Object.defineProperty(access, 'may', { value: () => false });
    const next = await harness.ask(fetchApi, 12, {
      sessionId: opened.sessionId,
      sessionEpoch: 1,
      maxBytes: 1000,
      topics: [],
    });
    expect(next.responses[0]?.partitions[0]?.errorCode).toBe(ErrorCode.TOPIC_AUTHORIZATION_FAILED);
  });

  it('hide groups that may not be described, and keep their offsets from others', async () => {
    await using harness = openHarness(ENFORCED);
    const { acls } = harness.broker.context.security;
    const own = { ...RULE, principal: 'User:ANONYMOUS' };
    const create = { resourceType: ResourceType.cluster, resourceName: 'kafka-cluster', operation: Operation.create };
    await add(acls, { ...own, ...create }, own, { ...own, resourceType: ResourceType.group, resourceName: 'mine' });
    await harness.topic('orders');
    const commit = (groupId: string) => {
      const partitions = [{ partitionIndex: 0, committedOffset: 0, committedLeaderEpoch: -1, committedMetadata: '' }];
      const request = { groupId, generationIdOrMemberEpoch: -1, topics: [{ name: 'orders', partitions }] };
      return harness.ask(offsetCommitApi, 7, request);
    };
    expect((await commit('mine')).topics[0]?.partitions[0]?.errorCode).toBe(0);
    expect((await commit('yours')).topics[0]?.partitions[0]?.errorCode).toBe(ErrorCode.GROUP_AUTHORIZATION_FAILED);
    const yours = { ...own, resourceType: ResourceType.group, resourceName: 'yours' };
    await add(acls, yours);
    await commit('yours');
    await new Promise<void>((resolve) => acls.remove([yours], () => resolve()));
    const { groups } = await harness.ask(listGroupsApi, 3, {});
    expect(groups.map(({ groupId }) => groupId)).toEqual(['mine']);
  });
});
