/**
 * `millrace group seek`: sets what a group goes on from. It shows what would change, and changes it only with `--execute`.
 *
 * Invariant: what is printed is what is committed, partition by partition, and it lies between log start and high
 * watermark. A group with members is refused by the server, because they would commit over it.
 */
import { offsetCommitApi } from '../broker/protocol/gen/08-offset-commit.gen.ts';
import { openCoordinator } from './coordinator-session.ts';
import { ExitCode, type ExitCodeNumber, usage } from './exit.ts';
import { committedOffsets } from './group-offsets.ts';
import { check, errorName, exitCodeOfKafka } from './kafka-names.ts';
import { parseOffsetRange } from './offset-range.ts';
import { type Form, print } from './report.ts';
import type { ClientOptions, Session } from './session.ts';
import { resolvePositions } from './start-positions.ts';
import { type Terminal, tell } from './terminal.ts';
import { fetchTopics } from './topic-description.ts';

export interface SeekOptions extends ClientOptions, Form {
  /** `start`, `end`, N, `+N` after the start, `-N` before the end, `@TIME`. */
  readonly to: string;
  /** Topics to seek in; all the group has committed without. */
  readonly topics?: readonly string[];
  readonly execute?: boolean;
}

interface Move {
  readonly topic: string;
  readonly partition: number;
  /** -1 when nothing was committed. */
  readonly before: number;
  readonly after: number;
  readonly errorCode: number;
}

/** Moves the offsets of `group`. */
export async function seekGroup(group: string, options: SeekOptions, terminal: Terminal): Promise<ExitCodeNumber> {
  const range = parseOffsetRange(options.to, Date.now());
  if (range.until !== undefined) throw usage(`--to ${options.to}: give one place`);
  await using session = await openCoordinator(options, group);
  const committed = await committedOffsets(session, group);
  const before = new Map(committed.map((one) => [`${one.topic}/${one.partition}`, one.committed]));
  const planned: Move[] = [];
  for (const topic of options.topics ?? new Set(committed.map((one) => one.topic))) {
    for (const { partition, next } of await resolvePositions(
      session,
      topic,
      await partitionsOf(session, topic),
      range,
    )) {
      planned.push({ topic, partition, before: before.get(`${topic}/${partition}`) ?? -1, after: next, errorCode: 0 });
    }
  }
  const moves = options.execute === true ? await commit(session, group, planned) : planned;
  const rows = moves.map((one) => [one.topic, one.partition, one.before, one.after, errorName(one.errorCode)]);
  const headings = ['TOPIC', 'PARTITION', 'PRIOR-OFFSET', 'NEW-OFFSET', 'STATUS'];
  await print(terminal, options, { headings, rows }, moves);
  if (options.execute !== true) tell(terminal, 'millrace: nothing was changed: give --execute to do it');
  const failed = moves.find((one) => one.errorCode !== 0);
  return failed === undefined ? ExitCode.ok : exitCodeOfKafka(failed.errorCode);
}

async function partitionsOf(session: Session, name: string): Promise<number[]> {
  const [topic] = await fetchTopics(session, [name]);
  check(topic?.errorCode ?? -1, `topic ${name}`);
  return (topic?.partitions ?? []).map((one) => one.partitionIndex).sort((left, right) => left - right);
}

async function commit(session: Session, group: string, moves: readonly Move[]): Promise<Move[]> {
  if (moves.length === 0) return [];
  const names = [...new Set(moves.map((move) => move.topic))];
  const response = await session.send(offsetCommitApi, {
    groupId: group,
    generationIdOrMemberEpoch: -1,
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1n,
    topics: names.map((name) => ({
      name,
      partitions: moves
        .filter((move) => move.topic === name)
        .map(({ partition, after }) => ({
          partitionIndex: partition,
          committedOffset: after,
          committedLeaderEpoch: -1,
          committedMetadata: '',
        })),
    })),
  });
  const codes = new Map(
    response.topics.flatMap(({ name, partitions }) => {
      return partitions.map((one) => [`${name}/${one.partitionIndex}`, one.errorCode] as const);
    }),
  );
  return moves.map((move) => ({ ...move, errorCode: codes.get(`${move.topic}/${move.partition}`) ?? -1 }));
}
