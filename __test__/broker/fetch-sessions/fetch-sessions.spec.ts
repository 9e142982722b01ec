/** The cache of fetch sessions: its bounds, and who has to go (rule 32). */
import { describe, expect, it } from 'vitest';
import { nextEpoch } from '../../../ts/broker/fetch-sessions/fetch-session.ts';
import { FetchSessions } from '../../../ts/broker/fetch-sessions/fetch-sessions.ts';
import type { FetchRequest, FetchTopic } from '../../../ts/broker/protocol/gen/01-fetch.gen.ts';

const MINUTE_MS = 60_000;

function topics(partitions: number): FetchTopic[] {
  return [
    {
      topic: 't',
      topicId: '',
      partitions: Array.from({ length: partitions }, (_, partition) => ({
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: 0,
        lastFetchedEpoch: -1,
        logStartOffset: -1,
        partitionMaxBytes: 1,
        replicaDirectoryId: '',
      })),
    },
  ];
}

const next = (sessionId: number, sessionEpoch: number, asked: FetchTopic[] = []) =>
  ({ sessionId, sessionEpoch, topics: asked, forgottenTopicsData: [] }) as unknown as FetchRequest;

function openSessions(limits: { slots?: number; bytes?: number }) {
  const clock = { now: 0 };
  let seed = 0;
  const random = () => {
    seed += 0.001;
    return seed;
  };
  const all = { slots: 1000, bytes: 1e9, ...limits };
  return { clock, sessions: new FetchSessions(all, () => clock.now, random) };
}

describe('the fetch session cache', () => {
  it('declines when every slot is taken by a session of the last two minutes', () => {
    const { clock, sessions } = openSessions({ slots: 2 });
    const [first] = [sessions.create(topics(1), false), sessions.create(topics(1), false)];
    clock.now = 2 * MINUTE_MS;
    expect(sessions.create(topics(9), false)).toBeUndefined();
    expect(sessions.contextOf(next(first?.id ?? 0, 1), 11).kind).toBe('incremental');
  });

  it('lets the one that was not used for two minutes go first', () => {
    const { clock, sessions } = openSessions({ slots: 2 });
    const [first, second] = [sessions.create(topics(1), false), sessions.create(topics(1), false)];
    clock.now = MINUTE_MS;
    sessions.contextOf(next(first?.id ?? 0, 1), 11);
    clock.now = 2 * MINUTE_MS + 1;
    expect(sessions.create(topics(1), false)).toBeDefined();
    expect(sessions.contextOf(next(second?.id ?? 0, 1), 11)).toMatchObject({ error: 70 });
    expect(sessions.contextOf(next(first?.id ?? 0, 2), 11).kind).toBe('incremental');
  });

  it('lets an old smaller one go for a larger one, but not for one of its size', () => {
    const { clock, sessions } = openSessions({ slots: 1 });
    const small = sessions.create(topics(2), false);
    clock.now = 2 * MINUTE_MS + 1;
    sessions.contextOf(next(small?.id ?? 0, 1), 11);
    expect(sessions.create(topics(2), false)).toBeUndefined();
    expect(sessions.create(topics(3), false)).toBeDefined();
    expect(sessions.size).toBe(1);
  });

  it('holds its memory within the budget, and drops a session that grows beyond it', () => {
    const { sessions } = openSessions({ bytes: 10_000 });
    expect(sessions.create(topics(1000), false)).toBeUndefined();
    const session = sessions.create(topics(10), false);
    const { bytes } = sessions;
    expect(bytes).toBeLessThanOrEqual(10_000);
    expect(sessions.contextOf(next(session?.id ?? 0, 1, topics(500)), 11)).toMatchObject({ error: 70 });
    expect(sessions.bytes).toBe(0);
  });

  it('counts epochs on from 1, past 2^31 - 1 to 1 again', () => {
    expect([nextEpoch(1), nextEpoch(2 ** 31 - 1)]).toEqual([2, 1]);
  });
});
