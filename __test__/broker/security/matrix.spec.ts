/**
 * Every API that is advertised, asked by somebody without any right: refused by its own error, without an effect.
 *
 * To remember: an API that is added and has no guard fails here.
 */
import { describe, expect, it } from 'vitest';
import { AUTHORIZERS } from '../../../ts/broker/config-keys-security.ts';
import { ErrorCode, type ErrorNumber, errorName } from '../../../ts/broker/protocol/error-codes.ts';
import { GUARDS } from '../../../ts/broker/security/guards/index.ts';
import { ALL_APIS, ALL_MESSAGES } from '../protocol/all-messages.ts';
import { sampleMessage } from '../protocol/sample-message.ts';
import { type Harness, openHarness } from '../support/harness.ts';

const ENFORCED = { 'authorizer.class.name': AUTHORIZERS[0] ?? '' };
const { TOPIC_AUTHORIZATION_FAILED, GROUP_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED } = ErrorCode;
const { TRANSACTIONAL_ID_AUTHORIZATION_FAILED } = ErrorCode;

const PARTITIONS = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000, currentLeaderEpoch: -1 }];

/** By API key: the refusal, and the request where a made-up one would not come so far. */
const REFUSED: Readonly<Record<number, readonly [ErrorNumber, unknown?]>> = {
  0: [TRANSACTIONAL_ID_AUTHORIZATION_FAILED],
  1: [
    TOPIC_AUTHORIZATION_FAILED,
    { sessionEpoch: -1, maxBytes: 1000, topics: [{ topic: 't', partitions: PARTITIONS }] },
  ],
  2: [TOPIC_AUTHORIZATION_FAILED],
  3: [TOPIC_AUTHORIZATION_FAILED, { topics: [{ name: 't' }, { name: 'new' }], allowAutoTopicCreation: true }],
  8: [GROUP_AUTHORIZATION_FAILED],
  9: [GROUP_AUTHORIZATION_FAILED],
  10: [GROUP_AUTHORIZATION_FAILED],
  11: [GROUP_AUTHORIZATION_FAILED],
  12: [GROUP_AUTHORIZATION_FAILED],
  13: [GROUP_AUTHORIZATION_FAILED],
  14: [GROUP_AUTHORIZATION_FAILED],
  15: [GROUP_AUTHORIZATION_FAILED],
  19: [TOPIC_AUTHORIZATION_FAILED],
  20: [TOPIC_AUTHORIZATION_FAILED, { topics: [{ name: 't' }], topicNames: ['t'] }],
  21: [TOPIC_AUTHORIZATION_FAILED],
  22: [TRANSACTIONAL_ID_AUTHORIZATION_FAILED],
  23: [TOPIC_AUTHORIZATION_FAILED],
  24: [TRANSACTIONAL_ID_AUTHORIZATION_FAILED],
  25: [TRANSACTIONAL_ID_AUTHORIZATION_FAILED],
  26: [TRANSACTIONAL_ID_AUTHORIZATION_FAILED],
  27: [CLUSTER_AUTHORIZATION_FAILED],
  28: [TRANSACTIONAL_ID_AUTHORIZATION_FAILED],
  29: [CLUSTER_AUTHORIZATION_FAILED],
  30: [CLUSTER_AUTHORIZATION_FAILED],
  31: [CLUSTER_AUTHORIZATION_FAILED],
  32: [TOPIC_AUTHORIZATION_FAILED, { resources: [{ resourceType: 2, resourceName: 't' }] }],
  33: [CLUSTER_AUTHORIZATION_FAILED, { resources: [{ resourceType: 4, resourceName: '1' }] }],
  35: [CLUSTER_AUTHORIZATION_FAILED],
  37: [TOPIC_AUTHORIZATION_FAILED],
  42: [GROUP_AUTHORIZATION_FAILED],
  43: [CLUSTER_AUTHORIZATION_FAILED],
  44: [TOPIC_AUTHORIZATION_FAILED, { resources: [{ resourceType: 2, resourceName: 't' }] }],
  45: [CLUSTER_AUTHORIZATION_FAILED],
  46: [CLUSTER_AUTHORIZATION_FAILED],
  47: [GROUP_AUTHORIZATION_FAILED],
  48: [CLUSTER_AUTHORIZATION_FAILED],
  49: [CLUSTER_AUTHORIZATION_FAILED],
  50: [CLUSTER_AUTHORIZATION_FAILED],
  51: [CLUSTER_AUTHORIZATION_FAILED],
  55: [CLUSTER_AUTHORIZATION_FAILED],
  57: [CLUSTER_AUTHORIZATION_FAILED],
  61: [TOPIC_AUTHORIZATION_FAILED],
  65: [TRANSACTIONAL_ID_AUTHORIZATION_FAILED],
  68: [GROUP_AUTHORIZATION_FAILED],
  69: [GROUP_AUTHORIZATION_FAILED],
  74: [CLUSTER_AUTHORIZATION_FAILED],
  75: [TOPIC_AUTHORIZATION_FAILED, { topics: [{ name: 't' }], responsePartitionLimit: 10 }],
};

/** Everybody may ask these: they say nothing of anybody's, or only what the asker may know. */
const OPEN = new Set([16, 17, 18, 36, 60, 66]);

function stateOf({ engine }: Harness): string[] {
  return engine.scanState(new Uint8Array(0)).map(([key, value]) => `${Buffer.from(key)} ${Buffer.from(value)}`);
}

/** Every error code in an answer, at any depth. */
function* codesIn(answer: unknown): Iterable<number> {
  if (typeof answer !== 'object' || answer === null || answer instanceof Uint8Array) return;
  for (const [name, value] of Object.entries(answer)) {
    if (/errorcode$/i.test(name) && typeof value === 'number') yield value;
    else yield* codesIn(value);
  }
}

describe('somebody without rights', () => {
  const advertised = (() => {
    const harness = openHarness();
    const keys = harness.broker.table.ranges().map(({ apiKey }) => apiKey);
    void harness[Symbol.asyncDispose]();
    return keys;
  })();

  it('finds a guard before every API that is advertised', () => {
    expect(advertised.filter((key) => !GUARDS.has(key))).toEqual([]);
    expect(advertised.filter((key) => REFUSED[key] === undefined && !OPEN.has(key))).toEqual([]);
  });

  const refused = ALL_APIS.filter((api) => advertised.includes(api.key) && REFUSED[api.key] !== undefined);
  it.each(refused.map((api) => [api.name, api] as const))(
    'is refused by %s, which does nothing',
    async (_name, api) => {
      await using harness = openHarness(ENFORCED);
      const [error, made] = REFUSED[api.key] ?? [ErrorCode.NONE];
      const before = stateOf(harness);
      const { maxVersion } = harness.broker.table.lookup(api.key) ?? api;
      const version = api.key === 1 ? 12 : maxVersion;
      const schema = ALL_MESSAGES.find(({ name }) => name === `${api.name}Request`)?.schema;
      if (schema === undefined) throw new Error(`no schema of ${api.name}`);
      const answer = await harness.ask(api, version, made ?? sampleMessage(schema, version, 'full'));
      const codes = [...codesIn(answer)].filter((code) => code !== 0);
      expect(new Set(codes.map(errorName))).toEqual(new Set([errorName(error)]));
      expect(stateOf(harness)).toEqual(before);
    },
  );
});
