/** What somebody who may not do everything is answered, beside Apache Kafka 4.3 with its StandardAuthorizer (recorded). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENFORCED, type SecureServer, startSecure } from '../../../support/secure-server.ts';
import { acceptance } from './accepted.ts';
import { acceptedSecured, SECURED } from './accepted-secured.ts';
import { type Difference, differencesOf } from './differences.ts';
import type { Told } from './player.ts';
import { playSecured } from './secured.ts';
import { readTranscript, securedTranscriptPath } from './transcript.ts';

describe('answers to somebody with few rights, beside Kafka', () => {
  const kafka = readTranscript(securedTranscriptPath);
  let secure: SecureServer;
  let ours: Told[] = [];
  let differences: Difference[] = [];

  beforeAll(async () => {
    secure = await startSecure({ login: true }, { settings: ENFORCED });
    ours = await playSecured(secure.plain, 0);
    differences = differencesOf(kafka, ours);
  }, 120_000);
  afterAll(() => secure[Symbol.asyncDispose]());

  it('are equal but for what is accepted', () => {
    const refused = differences.filter((one) => acceptance(one) === undefined && acceptedSecured(one) === undefined);
    expect(refused).toEqual([]);
  });

  it('are given wherever Kafka gave one, refused and allowed', () => {
    const places = new Set(ours.map((told) => told.at));
    expect(kafka.length).toBeGreaterThan(400);
    expect(kafka.filter((told) => !places.has(told.at)).map((told) => told.at)).toEqual([]);
  });

  it('differ wherever a difference is accepted here', () => {
    const used = new Set(differences.map((one) => acceptedSecured(one)));
    expect(SECURED.filter((one) => !used.has(one))).toEqual([]);
  });

  it('would not be equal if one refusal were none', () => {
    const changed = ours.map((told) => {
      if (!told.at.startsWith('heartbeat of somebody unknown v')) return told;
      return { ...told, answer: { ...(told.answer as object), errorCode: 0 } } as Told;
    });
    const more = differencesOf(kafka, changed).filter((one) => acceptance(one) === undefined);
    expect(more.map((one) => [one.path, one.kafka, one.ours])).toContainEqual(['errorCode', 30, 0]);
  });
});
