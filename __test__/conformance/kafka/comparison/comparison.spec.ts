/** The same requests to Apache Kafka 4.3 (recorded) and to us: equal answers, but for the accepted differences. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MillraceServer, serve } from '../../../../ts/serve.ts';
import { scratch } from '../../../support/scratch.ts';
import { ACCEPTED, acceptance } from './accepted.ts';
import { type Difference, differencesOf } from './differences.ts';
import { play, type Told } from './player.ts';
import { script } from './script/index.ts';
import { readTranscript } from './transcript.ts';

/** APIs of users and quotas, whose tests are __test__/broker/security: without a login there is nothing to compare. */
const NOT_COMPARED = [17, 36, 48, 49, 50, 51];

describe('answers beside Kafka', () => {
  const directory = scratch('comparison');
  const kafka = readTranscript();
  let server: MillraceServer;
  let ours: Told[] = [];
  let differences: Difference[] = [];

  beforeAll(async () => {
    server = await serve({ dir: `${directory.path}/data`, kafka: { port: 0 } });
    const only = new Set(kafka.map((told) => told.at));
    ours = await play(`127.0.0.1:${server.kafka.port}`, { settleMs: 0, only });
    differences = differencesOf(kafka, ours);
  });
  afterAll(async () => {
    await server.close();
    directory[Symbol.dispose]();
  });

  it('are equal but for what is accepted', () => {
    const refused = differences.filter((one) => acceptance(one) === undefined);
    expect(refused).toEqual([]);
  });

  it('are given wherever Kafka gave one', () => {
    expect(ours.map((told) => told.at)).toEqual(kafka.map((told) => told.at));
    expect(kafka.length).toBeGreaterThan(800);
  });

  it('differ wherever a difference is accepted: the list has no entry that is not needed', () => {
    const used = new Set(differences.map((one) => acceptance(one)?.why));
    expect([...new Set(ACCEPTED.map((one) => one.why))].filter((why) => !used.has(why))).toEqual([]);
  });

  it('cover every API in every version that both serve', async () => {
    const advertised = kafka.find((told) => told.at === 'versions v4')?.answer as unknown as ApiKeys;
    const own = ours.find((told) => told.at === 'versions v4')?.answer as unknown as ApiKeys;
    const played = new Set(kafka.map((told) => `${told.api} ${/ v(\d+)$/.exec(told.at)?.[1]}`));
    const names = new Map(script.map(({ api }) => [api.key, api.name]));
    const missing = Object.values(own.apiKeys).flatMap(({ apiKey, minVersion, maxVersion }) => {
      if (NOT_COMPARED.includes(apiKey)) return [];
      const theirs = advertised.apiKeys[apiKey];
      const from = Math.max(minVersion, theirs?.minVersion ?? 0, apiKey === 0 ? 3 : 0);
      const to = Math.min(maxVersion, theirs?.maxVersion ?? -1);
      const name = names.get(apiKey) ?? `API ${apiKey}`;
      return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => `${name} ${from + index}`);
    });
    expect(missing.filter((one) => !played.has(one))).toEqual([]);
  });

  it('would not be equal if one code were another', () => {
    const changed = ours.map((told) => {
      if (told.at !== 'heartbeat of somebody unknown v4') return told;
      return { ...told, answer: { ...(told.answer as object), errorCode: 0 } } as Told;
    });
    const refused = differencesOf(kafka, changed).filter((one) => acceptance(one) === undefined);
    expect(refused.map((one) => [one.path, one.kafka, one.ours])).toEqual([['errorCode', 25, 0]]);
  });
});

interface ApiKeys {
  readonly apiKeys: Record<string, { apiKey: number; minVersion: number; maxVersion: number }>;
}
