/** Quotas of partitions made and deleted: Kafka's bucket, who is refused, who waits, and what is left alone. */
import { describe, expect, it } from 'vitest';
import { metadataApi } from '../../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { createTopicsApi } from '../../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { deleteTopicsApi } from '../../../ts/broker/protocol/gen/20-delete-topics.gen.ts';
import { createPartitionsApi } from '../../../ts/broker/protocol/gen/37-create-partitions.gen.ts';
import { alterClientQuotasApi } from '../../../ts/broker/protocol/gen/49-alter-client-quotas.gen.ts';
import { MutationQuotas } from '../../../ts/broker/security/mutation-quotas.ts';
import type { QuotaEntity } from '../../../ts/broker/security/quota.ts';
import { QuotaStore } from '../../../ts/broker/security/quota-store.ts';
import { ClientConnection } from '../../../ts/client/connection.ts';
import { type Harness, openHarness } from '../support/harness.ts';
import { openWatchedEngine } from '../support/watched-engine.ts';

const KEY = 'controller_mutation_rate';
const THROTTLING_QUOTA_EXCEEDED = 89;

/** Quotas at a time that the test moves. */
async function quotasOf(...given: (readonly [QuotaEntity, number])[]) {
  const engine = openWatchedEngine();
  const store = new QuotaStore(engine);
  const changes = given.map(([entity, value]) => ({ entity, values: new Map([[KEY, value] as const]) }));
  await new Promise<void>((resolve) => store.alter(changes, () => resolve()));
  await engine.close();
  let now = 1_000_000;
  return {
    quotas: new MutationQuotas(store, () => now),
    pass: (ms: number) => {
      now += ms;
    },
  };
}

/** So little that no machine is slow enough to earn a partition: the first request overdraws it. */
async function setQuota(harness: Harness, value = 0.001): Promise<void> {
  const entry = { entity: [{ entityType: 'client-id', entityName: 'test' }], ops: [{ key: KEY, value }] };
  const { entries } = await harness.ask(alterClientQuotasApi, 1, { entries: [entry], validateOnly: false });
  expect(entries[0]?.errorCode).toBe(0);
}

const topicsOf = (...names: string[]) =>
  names.map((name) => ({ name, numPartitions: 2, replicationFactor: 1, configs: [] }));

describe('a bucket of partitions', () => {
  it('holds eleven seconds of its quota, may be overdrawn by one request, and refuses those after it', async () => {
    const { quotas, pass } = await quotasOf([{ user: 'a' }, 2]);
    const take = (partitions: number) => {
      const mutations = quotas.for('a', 'c', true);
      return [mutations.take(partitions), mutations.throttleMs];
    };
    expect(take(22)).toEqual([true, 0]);
    // Nothing is left, and nothing owed: one more is let pass, whatever it takes.
    expect(take(10)).toEqual([true, 0]);
    expect(take(1)).toEqual([false, 5000]);
    pass(4999);
    expect(take(1)).toEqual([false, 1]);
    pass(1);
    expect(take(1), 'it owes nothing any more').toEqual([true, 0]);
    pass(1_000_000);
    expect([take(22), take(1), take(1)]).toEqual([
      [true, 0],
      [true, 0],
      [false, 500],
    ]);
  });

  it('lets those who cannot be told of a refusal pass, and has them wait', async () => {
    const { quotas } = await quotasOf([{ user: 'a' }, 2]);
    const mutations = quotas.for('a', 'c', false);
    expect([mutations.take(22), mutations.throttleMs]).toEqual([true, 0]);
    expect([mutations.take(3), mutations.throttleMs]).toEqual([true, 1500]);
    expect([mutations.take(1), mutations.throttleMs]).toEqual([true, 2000]);
    mutations.take(1000);
    expect(mutations.throttleMs, 'half a minute at most').toBe(30_000);
  });

  it('is one for each client of a default, and nobody has one without a quota', async () => {
    const { quotas } = await quotasOf([{ user: null }, 1]);
    for (const user of ['a', 'b']) {
      expect(quotas.for(user, 'c', true).take(12)).toBe(true);
      expect(quotas.for(user, 'd', true).take(1), 'of another client of the same user').toBe(false);
    }
    const { quotas: none } = await quotasOf([{ user: 'a' }, 1]);
    for (let round = 0; round < 3; round++) expect(none.for('b', '', true).take(1_000)).toBe(true);
    expect(none.size).toBe(0);
  });

  it('is forgotten when too many clients came after it, and not before', async () => {
    const { quotas } = await quotasOf([{ clientId: null }, 1]);
    for (let client = 0; client < 12_000; client++) quotas.for('a', `c${client}`, true).take(12);
    expect(quotas.size).toBe(10_000);
    expect(quotas.for('a', 'c11999', true).take(1), 'who came last is remembered').toBe(false);
  });
});

describe('over the quota of partitions', () => {
  it('topics are not created, and the others of the request are', async () => {
    await using harness = openHarness();
    await setQuota(harness);
    const { topics, throttleTimeMs } = await harness.ask(createTopicsApi, 7, { topics: topicsOf('a', 'b') });
    expect(topics.map(({ errorCode }) => errorCode)).toEqual([0, THROTTLING_QUOTA_EXCEEDED]);
    expect(topics[1]?.errorMessage).toBe('The throttling quota has been exceeded.');
    expect(throttleTimeMs).toBe(30_000);
    expect([...harness.broker.context.catalogue.all()].map(({ name }) => name)).toEqual(['a']);
  });

  it('what is refused for another reason counts for nothing, and what is only validated counts', async () => {
    await using harness = openHarness();
    await harness.topic('there');
    await setQuota(harness);
    const exists = await harness.ask(createTopicsApi, 7, { topics: topicsOf('there') });
    expect([exists.topics[0]?.errorCode, exists.throttleTimeMs]).toEqual([36, 0]);
    await harness.ask(createTopicsApi, 7, { topics: topicsOf('a'), validateOnly: true });
    const { topics } = await harness.ask(createTopicsApi, 7, { topics: topicsOf('a') });
    expect(topics[0]?.errorCode).toBe(THROTTLING_QUOTA_EXCEEDED);
  });

  it.each([
    ['CreateTopics', 5, 6],
    ['DeleteTopics', 4, 5],
    ['CreatePartitions', 2, 3],
  ])('%s of version %i is carried out and waited for, of version %i refused', async (api, older, newer) => {
    await using harness = openHarness();
    for (const name of ['first', 'second', 'third']) await harness.topic(name);
    const ask = async (version: number, name: string): Promise<[error: number | undefined, throttleMs: number]> => {
      if (api === 'CreateTopics') {
        const { topics, throttleTimeMs } = await harness.ask(createTopicsApi, version, {
          topics: topicsOf(`${name}-new`).map((topic) => ({ ...topic, assignments: [] })),
          timeoutMs: 1000,
          validateOnly: false,
        });
        return [topics[0]?.errorCode, throttleTimeMs];
      }
      if (api === 'DeleteTopics') {
        const { responses, throttleTimeMs } = await harness.ask(deleteTopicsApi, version, {
          topicNames: [name],
          timeoutMs: 1000,
        });
        return [responses[0]?.errorCode, throttleTimeMs];
      }
      const { results, throttleTimeMs } = await harness.ask(createPartitionsApi, version, {
        topics: [{ name, count: 3, assignments: null }],
        timeoutMs: 1000,
        validateOnly: false,
      });
      return [results[0]?.errorCode, throttleTimeMs];
    };
    await setQuota(harness);
    expect(await ask(newer, 'first'), 'there are tokens').toEqual([0, 0]);
    expect(await ask(newer, 'second')).toEqual([THROTTLING_QUOTA_EXCEEDED, 30_000]);
    expect(await ask(older, 'third')).toEqual([0, 30_000]);
  });

  it('Metadata makes no topic, and says that there is none', async () => {
    await using harness = openHarness();
    await setQuota(harness);
    await harness.ask(createTopicsApi, 7, { topics: topicsOf('a') });
    const { topics, throttleTimeMs } = await harness.ask(metadataApi, 9, {
      topics: [{ name: 'made-by-asking' }],
      allowAutoTopicCreation: true,
    });
    expect([topics[0]?.errorCode, throttleTimeMs]).toEqual([3, 0]);
  });

  it('a client is not served until it has waited, and others are', async () => {
    await using harness = openHarness();
    const { port } = await harness.broker.listen(0, '127.0.0.1');
    await setQuota(harness);
    const client = await ClientConnection.open({ host: '127.0.0.1', port, clientId: 'test' });
    await using other = await ClientConnection.open({ host: '127.0.0.1', port, clientId: 'other' });
    await client.request(createTopicsApi, { topics: topicsOf('a') });
    const refused = await client.request(createTopicsApi, { topics: topicsOf('b') });
    expect([refused.topics[0]?.errorCode, refused.throttleTimeMs]).toEqual([THROTTLING_QUOTA_EXCEEDED, 30_000]);
    const answered: string[] = [];
    const waiting = client.request(metadataApi, { topics: [] }).then(
      () => answered.push('who is over its quota'),
      () => answered.push('nobody: it has gone'),
    );
    await other.request(metadataApi, { topics: [] });
    answered.push('somebody else');
    harness.broker.dropConnections();
    await waiting;
    await client.close();
    expect(answered).toEqual(['somebody else', 'nobody: it has gone']);
  });
});
