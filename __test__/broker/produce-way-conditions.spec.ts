/**
 * What keeps a Produce request off the short way, or changes what it means there, each by itself: with it, a broker that
 * has the short way answers with the same bytes as one that has not, also when it comes while the connection is open.
 */
import { pbkdf2Sync } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { AUTHORIZERS } from '../../ts/broker/config-keys-security.ts';
import { ErrorCode } from '../../ts/broker/protocol/error-codes.ts';
import { saslHandshakeApi } from '../../ts/broker/protocol/gen/17-sasl-handshake.gen.ts';
import { createTopicsApi } from '../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { deleteTopicsApi } from '../../ts/broker/protocol/gen/20-delete-topics.gen.ts';
import { initProducerIdApi } from '../../ts/broker/protocol/gen/22-init-producer-id.gen.ts';
import { addPartitionsToTxnApi } from '../../ts/broker/protocol/gen/24-add-partitions-to-txn.gen.ts';
import { endTxnApi } from '../../ts/broker/protocol/gen/26-end-txn.gen.ts';
import { saslAuthenticateApi } from '../../ts/broker/protocol/gen/36-sasl-authenticate.gen.ts';
import { createPartitionsApi } from '../../ts/broker/protocol/gen/37-create-partitions.gen.ts';
import { alterClientQuotasApi } from '../../ts/broker/protocol/gen/49-alter-client-quotas.gen.ts';
import { type Acl, Operation, Pattern, Permission, ResourceType } from '../../ts/broker/security/acl.ts';
import { credentialOf } from '../../ts/broker/security/scram.ts';
import { Code } from '../../ts/io/native-types.ts';
import { seeded } from '../support/random.ts';
import { encodeBatch } from '../support/record-batch.ts';
import { framedRequest } from './server/raw-client.ts';
import {
  batchOf,
  decodeProduce,
  errorsOf,
  type Pair,
  produceOf,
  TwoWays,
  type WaysOptions,
} from './support/two-ways.ts';

const TIME = 1_700_000_000_000;

let open: (Disposable | AsyncDisposable)[] = [];
afterEach(async () => {
  for (const one of open.reverse()) {
    if (Symbol.dispose in one) one[Symbol.dispose]();
    else await one[Symbol.asyncDispose]();
  }
  open = [];
});

/** Both brokers with a topic `t` of two partitions, and a client that is on the short way. */
async function begin(options: WaysOptions = {}): Promise<[TwoWays, Pair]> {
  const ways = await TwoWays.open(options);
  open.push(ways);
  await ways.topic('t', 2);
  const client = await ways.connect();
  open.push(client);
  await client.warm('t');
  return [ways, client];
}

const plain = (options: Parameters<typeof produceOf>[1] = {}) => produceOf({ t: { 0: batchOf() } }, options);

describe('with rules', () => {
  it('each request is asked about: one that denies, made while the connection is open, holds at once', async () => {
    const ways = await TwoWays.open({ settings: { 'authorizer.class.name': AUTHORIZERS[0] ?? '' } });
    open.push(ways);
    const rule = (resourceType: number, resourceName: string, operation: number, permission: number): Acl => {
      return {
        resourceType,
        resourceName,
        patternType: Pattern.literal,
        principal: 'User:ANONYMOUS',
        host: '*',
        operation,
        permission,
      };
    };
    const add = (acl: Acl) =>
      ways.both(({ broker }) => {
        const { acls } = broker.context.security;
        return new Promise<void>((done, failed) =>
          acls.add([acl], (code) => (code === Code.ok ? done() : failed(code))),
        );
      });
    await add(rule(ResourceType.cluster, 'kafka-cluster', Operation.create, Permission.allow));
    await ways.topic('t', 2);
    await add(rule(ResourceType.topic, 't', Operation.write, Permission.allow));
    const client = await ways.connect();
    open.push(client);
    for (const _ of [1, 2, 3]) expect(errorsOf(await client.usually(plain()))).toEqual([[ErrorCode.NONE]]);
    await add(rule(ResourceType.topic, 't', Operation.write, Permission.deny));
    expect(errorsOf(await client.usually(plain()))).toEqual([[ErrorCode.TOPIC_AUTHORIZATION_FAILED]]);
  });
});

describe('with logins', () => {
  it('a request after the time of the login ends the connection', async () => {
    const settings = { 'connections.max.reauth.ms': 1500, 'sasl.enabled.mechanisms': 'PLAIN' };
    const ways = await TwoWays.open({ settings, login: true });
    open.push(ways);
    const salt = Buffer.from('salt of a test');
    const credential = credentialOf('sha256', pbkdf2Sync('secret', salt, 4096, 32, 'sha256'), salt, 4096);
    await ways.both(({ broker }) => {
      const change = { user: 'u', mechanism: 'SCRAM-SHA-256', credential } as const;
      return new Promise<void>((done) => broker.context.security.users.alter([change], () => done()));
    });
    const client = await ways.connect();
    open.push(client);
    await client.each(framedRequest(saslHandshakeApi, 1, 1, { mechanism: 'PLAIN' }));
    await client.each(framedRequest(saslAuthenticateApi, 2, 1, { authBytes: Buffer.from('\0u\0secret') }));
    const topics = [{ name: 't', numPartitions: 1, replicationFactor: 1 }];
    await client.each(framedRequest(createTopicsApi, 7, 1, { topics, timeoutMs: 1000 }));
    for (const _ of [1, 2, 3]) expect(errorsOf(await client.usually(plain()))).toEqual([[ErrorCode.NONE]]);
    await pause(1600);
    expect(await client.same(plain())).toBeNull();
  });
});

describe('with quotas', () => {
  it('a client that is over one is told its wait, and its next request is not taken before', async () => {
    const [ways, client] = await begin();
    const ops = [{ key: 'producer_byte_rate', value: 50, remove: false }];
    const entries = [{ entity: [{ entityType: 'client-id', entityName: 'test' }], ops }];
    await ways.ask(alterClientQuotasApi, 1, { entries, validateOnly: false });
    const [short, usual] = await client.each(plain());
    const waits = [short, usual].map((reply) => decodeProduce(reply as Buffer).throttleTimeMs ?? 0);
    expect(Math.min(...waits)).toBeGreaterThan(0);
    const before = performance.now();
    await client.each(plain());
    // Timers may be a millisecond early.
    expect(performance.now() - before).toBeGreaterThan(Math.max(...waits) - 20);
  });
});

describe('with a floor under acknowledgements', () => {
  it('acks=1 stands for durable as soon as the topic says so', async () => {
    const [ways, client] = await begin({ engine: { flush: 'os' } });
    await ways.topic('loose');
    await ways.both(({ disk }) => disk.change({ failFlushes: true }));
    expect(errorsOf(await client.shortly(plain({ acks: 1 })))).toEqual([[ErrorCode.NONE]]);
    await ways.both(({ disk }) => disk.change({ failFlushes: false }));
    await ways.alter('t', 'min.durability', 'durable');
    await client.same(plain());
    await ways.both(({ disk }) => disk.change({ failFlushes: true }));
    expect(errorsOf(await client.shortly(plain({ acks: 1 })))).toEqual([[ErrorCode.KAFKA_STORAGE_ERROR]]);
  });

  it('acks=1 is answered on the usual way, too, before a broker that has been given one has answered that', async () => {
    const [ways, client] = await begin();
    await ways.alter('t', 'min.durability', 'durable');
    expect(errorsOf(await client.usually(plain({ acks: 1 })))).toEqual([[ErrorCode.NONE]]);
    expect(errorsOf(await client.shortly(plain({ acks: 1 })))).toEqual([[ErrorCode.NONE]]);
  });
});

describe('with transactions', () => {
  it('a batch of one, and a request with an id, mean what they mean to the coordinator', async () => {
    const [ways, client] = await begin();
    const wish = { transactionalId: 'x', transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 };
    const { producerId, producerEpoch } = await ways.ask(initProducerIdApi, 4, wish);
    const batch = (baseSequence: number) =>
      encodeBatch([Buffer.from('v')], {
        producerId,
        producerEpoch,
        baseSequence,
        transactional: true,
        timestamp: TIME,
      });
    const request = (baseSequence: number, transactionalId: string | null = 'x', version = 9) =>
      produceOf({ t: { 0: batch(baseSequence) } }, { transactionalId, version });
    // Outside of a transaction, with and without saying so.
    expect(errorsOf(await client.usually(request(0)))).toEqual([[ErrorCode.INVALID_TXN_STATE]]);
    await client.warm('t');
    expect(errorsOf(await client.usually(request(0, null)))).toEqual([[ErrorCode.INVALID_TXN_STATE]]);
    await client.warm('t');
    expect(errorsOf(await client.usually(plain({ transactionalId: 'x' })))).toEqual([[ErrorCode.NONE]]);
    await ways.ask(addPartitionsToTxnApi, 3, {
      v3AndBelowTransactionalId: 'x',
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: 't', partitions: [0] }],
    });
    await client.warm('t');
    expect(errorsOf(await client.usually(request(0)))).toEqual([[ErrorCode.NONE]]);
    await client.warm('t');
    expect(errorsOf(await client.usually(request(1, null)))).toEqual([[ErrorCode.NONE]]);
    await ways.ask(endTxnApi, 4, { transactionalId: 'x', producerId, producerEpoch, committed: true });
    await client.warm('t');
    expect(errorsOf(await client.usually(request(2)))).toEqual([[ErrorCode.INVALID_TXN_STATE]]);
  });
});

describe('with what has to be looked at', () => {
  it('records that are no good in their codec are refused alike, in every codec and version', async () => {
    const [, client] = await begin();
    for (const version of [3, 6, 7, 9, 12]) {
      for (let codec = 1; codec < 8; codec += 1) {
        const batch = encodeBatch([Buffer.from('not compressed')], { timestamp: TIME, codec });
        const reply = await client.same(produceOf({ t: { 0: batch } }, { version }));
        expect(errorsOf(reply, version)[0]?.[0]).not.toBe(ErrorCode.NONE);
        await client.warm('t');
      }
    }
  });

  it('what is not plain is answered alike: formats, acks, missing records, fields behind, other partitions', async () => {
    const [, client] = await begin();
    const old = batchOf();
    old[16] = 1;
    const marker = batchOf();
    marker[22] = 0x20;
    const entry = (records: Buffer | null, name = 't', index = 0) => ({
      name,
      topicId: '',
      partitionData: [{ index, records }],
    });
    const requests: [string, Buffer][] = [
      ['an old format', produceOf({ t: { 0: old } })],
      ['a marker', produceOf({ t: { 0: marker } })],
      ['no records', produceOf({ t: { 0: null } })],
      ['no bytes of records', produceOf({ t: { 0: Buffer.alloc(0) } })],
      ['a cut batch', produceOf({ t: { 0: batchOf().subarray(0, 60) } })],
      ['two batches', produceOf({ t: { 0: Buffer.concat([batchOf(), batchOf()]) } })],
      ['acks 2', plain({ acks: 2 })],
      ['no topic', produceOf({})],
      ['no partition', produceOf({ t: {} })],
      ['a topic that is not there', produceOf({ other: { 0: batchOf() } })],
      ['a partition that is not there', produceOf({ t: { 2: batchOf() } })],
      ['a partition below 0', produceOf({}, { topicData: [entry(batchOf(), 't', -1)] })],
      ['a topic without a name', produceOf({}, { topicData: [entry(batchOf(), '')] })],
    ];
    for (const [what, request] of requests) {
      const [short, usual] = await client.each(request);
      expect({ what, reply: short?.toString('hex') }).toEqual({ what, reply: usual?.toString('hex') });
      await client.warm('t');
    }
  });

  it('acks=0 that is refused closes the connection, and one that is not has no answer', async () => {
    const [, client] = await begin();
    expect(errorsOf(await client.same(Buffer.concat([plain({ acks: 0 }), plain({ correlation: 5 })])))).toEqual([[0]]);
    expect(await client.same(produceOf({ t: { 2: batchOf() } }, { acks: 0 }))).toBeNull();
  });

  it('a request above 64 KiB is appended as one below it', async () => {
    const [, client] = await begin();
    for (const bytes of [65_000, 70_000, 300_000]) {
      const batch = encodeBatch([Buffer.alloc(bytes)], { timestamp: TIME });
      expect(errorsOf(await client.same(produceOf({ t: { 1: batch } })))).toEqual([[ErrorCode.NONE]]);
    }
  });
});

describe('a topic that changes while its producer is connected', () => {
  it.each<[string, string, string, () => Buffer, number]>([
    [
      'max.message.bytes',
      '',
      '100',
      () => encodeBatch([Buffer.alloc(200)], { timestamp: TIME }),
      ErrorCode.MESSAGE_TOO_LARGE,
    ],
    [
      'message.max.bytes',
      'all',
      '100',
      () => encodeBatch([Buffer.alloc(200)], { timestamp: TIME }),
      ErrorCode.MESSAGE_TOO_LARGE,
    ],
    ['cleanup.policy', '', 'compact', batchOf, ErrorCode.INVALID_RECORD],
    ['log.cleanup.policy', 'all', 'compact', batchOf, ErrorCode.INVALID_RECORD],
    ['message.timestamp.before.max.ms', '', '1000', batchOf, ErrorCode.INVALID_TIMESTAMP],
    ['log.message.timestamp.before.max.ms', 'all', '1000', batchOf, ErrorCode.INVALID_TIMESTAMP],
  ])('is held to its new %s (%s) by the next request', async (name, whose, value, batch, error) => {
    const [ways, client] = await begin();
    await ways.alter(whose === 'all' ? '' : 't', name, value);
    // The second and the third are tried on the short way.
    for (const _ of [1, 2, 3]) {
      const [short, usual] = await client.each(produceOf({ t: { 0: batch() } }));
      expect([errorsOf(short), errorsOf(usual)]).toEqual([[[error]], [[error]]]);
    }
  });

  it('stamps the time of the append from the next request on', async () => {
    const [ways, client] = await begin();
    await ways.alter('t', 'message.timestamp.type', 'LogAppendTime');
    for (const _ of [1, 2]) {
      for (const reply of await client.each(plain())) {
        const [row] = decodeProduce(reply as Buffer).responses[0]?.partitionResponses ?? [];
        expect(row?.logAppendTimeMs).toBeGreaterThan(TIME);
      }
    }
  });

  it('has its new partitions as soon as they are answered', async () => {
    const [ways, client] = await begin();
    const grown = produceOf({ t: { 3: batchOf() } });
    expect(errorsOf(await client.usually(grown))).toEqual([[ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]]);
    await client.warm('t');
    const topics = [{ name: 't', count: 4, assignments: null }];
    await ways.ask(createPartitionsApi, 3, { topics, timeoutMs: 1000, validateOnly: false });
    expect(errorsOf(await client.usually(grown))).toEqual([[ErrorCode.NONE]]);
    expect(errorsOf(await client.shortly(grown))).toEqual([[ErrorCode.NONE]]);
  });

  it('is gone when it is deleted, and empty and smaller when it is made again', async () => {
    const [ways, client] = await begin();
    await ways.ask(deleteTopicsApi, 6, { topics: [{ name: 't' }], timeoutMs: 1000 });
    expect(errorsOf(await client.usually(plain()))).toEqual([[ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]]);
    await ways.topic('t', 1);
    const last = produceOf({ t: { 1: batchOf() } });
    expect(errorsOf(await client.usually(last))).toEqual([[ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]]);
    const reply = await client.same(plain());
    expect(decodeProduce(reply as Buffer).responses[0]?.partitionResponses[0]?.baseOffset).toBe(0);
    expect(errorsOf(await client.shortly(plain()))).toEqual([[ErrorCode.NONE]]);
  });
});

describe('whatever is sent and changed, in any order', () => {
  const test = 'both ways answer with the same bytes';
  it(test, { timeout: 120_000 }, () =>
    seeded(test, async (random) => {
      const [ways, client] = await begin();
      await ways.topic('u', 3);
      const sequences = new Map<string, number>();
      const one = (topic: string, partition: number): Buffer | null => {
        const kind = random.between(0, 60);
        if (kind === 0) return null;
        if (kind === 1) return batchOf().subarray(0, random.between(0, 70));
        if (kind === 2) return encodeBatch([Buffer.alloc(random.between(0, 600))], { timestamp: TIME, codec: 3 });
        if (kind > 10) return encodeBatch([Buffer.alloc(random.between(0, 600))], { timestamp: TIME });
        // An idempotent producer that repeats, and that leaves gaps.
        const key = `${topic}/${partition}`;
        const next = sequences.get(key) ?? 0;
        const baseSequence = Math.max(0, next + (kind === 3 ? 1 : kind === 4 ? -1 : 0));
        if (baseSequence === next) sequences.set(key, next + 1);
        return encodeBatch([Buffer.from('s')], { producerId: 5, producerEpoch: 0, baseSequence, timestamp: TIME });
      };
      const several = (most: number): number => (random.between(0, 2) > 0 ? 1 : random.between(1, most));
      const request = (correlation: number): Buffer => {
        const topicData = Array.from({ length: several(3) }, () => {
          const name = random.between(0, 60) === 0 ? 'none' : random.between(0, 1) === 0 ? 't' : 'u';
          const partitionData = Array.from({ length: several(4) }, () => {
            const index = random.between(0, 2);
            return { index, records: one(name, index) };
          });
          return { name, topicId: '', partitionData };
        });
        return produceOf(
          {},
          { topicData, correlation, version: random.between(3, 12), acks: random.between(0, 1) * 2 - 1 },
        );
      };
      const changes = [
        () => ways.alter('t', 'max.message.bytes', String(random.between(0, 1) === 0 ? 300 : 100_000)),
        () => ways.alter('u', 'cleanup.policy', random.between(0, 2) === 0 ? 'compact' : 'delete'),
        () => ways.alter('u', 'min.durability', random.between(0, 1) === 0 ? 'durable' : 'memory'),
        () => ways.ask(deleteTopicsApi, 6, { topics: [{ name: 'u' }], timeoutMs: 1000 }),
      ];
      for (let round = 0; round < 250; round += 1) {
        const count = random.between(0, 2) > 0 ? random.between(1, 2) : random.between(3, 12);
        const requests = Array.from({ length: count }, (_, at) => request(round * 100 + at));
        const answers: (Buffer | null)[][] = [];
        client.send(Buffer.concat(requests));
        for (let at = 0; at < count; at += 1) answers.push(await client.frames());
        for (const [short, usual] of answers) expect(short).toEqual(usual);
        if (random.between(0, 5) > 0) continue;
        const change = random.between(0, changes.length - 1);
        await changes[change]?.();
        if (change !== 3) continue;
        for (const key of sequences.keys()) if (key.startsWith('u')) sequences.delete(key);
        await ways.topic('u', 3);
      }
      expect(ways.placed).toBeGreaterThan(10);
    }),
  );
});
