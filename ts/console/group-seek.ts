/**
 * Moves what a group has committed: to an end, an offset, a time, or by a number of records; first as a preview.
 *
 * To remember: a group whose members are there is not moved under them; what is moved is moved in one frame, and never
 * outside the log.
 */

import { Code, Isolation } from '../io/native-types.ts';
import { watermarksOf } from '../log/start-position.ts';
import { groupIds } from '../metrics/groups.ts';
import type { SeekAnswer, SeekRow } from './api.ts';
import { ConsoleError, type ConsoleParts } from './parts.ts';

type Body = Readonly<Record<string, unknown>>;

interface Place {
  readonly topic: string;
  readonly partition: number;
  /** The engine's id of the partition. */
  readonly id: number;
}

/** `{ group, to, value?, topic?, preview? }`. `to`: earliest, latest, offset, time (ms since 1970), shift. */
export async function seekGroup(parts: ConsoleParts, body: Body): Promise<SeekAnswer> {
  const { group, preview } = body;
  if (typeof group !== 'string' || group === '') throw new ConsoleError(400, 'group is missing');
  const rows: SeekRow[] = [];
  for (const place of placesOf(parts, group, body.topic)) rows.push(await rowOf(parts, group, place, body));
  const refusal = refusalOf(parts, group);
  if (preview === true || rows.length === 0) return { isDone: false, refusal, rows };
  if (refusal !== null) throw new ConsoleError(409, refusal);
  await commit(parts, group, rows);
  return { isDone: true, refusal: null, rows };
}

/** What the group has committed of topics that are there, or every partition of the one topic that is named. */
function placesOf({ server }: ConsoleParts, group: string, topic: unknown): Place[] {
  const { catalogue, offsets } = server.broker.context;
  if (typeof topic === 'string' && topic !== '') {
    const found = catalogue.get(topic);
    if (!found) throw new ConsoleError(404, `there is no topic ${topic}`);
    return found.partitions.map((id, partition) => ({ topic, partition, id }));
  }
  if (!groupIds(server.broker.context).includes(group)) throw new ConsoleError(404, `there is no group ${group}`);
  return [...offsets.ofGroup(group)].flatMap(([name, partitions]) => {
    const ids = catalogue.get(name)?.partitions;
    return [...partitions.keys()].flatMap((partition) => {
      const id = ids?.[partition];
      return id === undefined ? [] : [{ topic: name, partition, id }];
    });
  });
}

async function rowOf({ server }: ConsoleParts, group: string, place: Place, body: Body): Promise<SeekRow> {
  const { topic, partition, id } = place;
  const marks = watermarksOf(server.engine, id, Isolation.readUncommitted);
  const before = server.broker.context.offsets.get(group, topic, partition)?.offset ?? null;
  const wanted = await wantedOffset(server.engine, id, before, marks, body);
  const after = Math.min(marks.highWatermark, Math.max(marks.logStart, wanted));
  return { topic, partition, before, after, again: (before ?? after) - after };
}

async function wantedOffset(
  engine: ConsoleParts['server']['engine'],
  id: number,
  before: number | null,
  marks: { readonly logStart: number; readonly highWatermark: number },
  { to, value }: Body,
): Promise<number> {
  if (to === 'earliest') return marks.logStart;
  if (to === 'latest') return marks.highWatermark;
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new ConsoleError(400, 'value must be a whole number');
  if (to === 'offset') return value;
  if (to === 'shift') return (before ?? marks.logStart) + value;
  if (to !== 'time') throw new ConsoleError(400, 'to must be earliest, latest, offset, time or shift');
  if (value < 0) throw new ConsoleError(400, 'a time is not negative');
  return new Promise((resolve, reject) => {
    engine.offsetForTime(id, value, Isolation.readUncommitted, (code, offset) => {
      if (code !== Code.ok) reject(new ConsoleError(500, `the time could not be looked up (code ${code})`));
      else resolve(offset >= 0 ? offset : marks.highWatermark);
    });
  });
}

/** Why the group cannot be moved now; null when it can. */
function refusalOf({ server }: ConsoleParts, group: string): string | null {
  const { consumerGroups, groups } = server.broker.context;
  const claim = { memberId: '', instanceId: null, generation: -1 };
  const refusal = consumerGroups.check(group, '', -1) ?? groups.checkCommit(group, claim);
  return refusal === 0 ? null : 'the group has members: stop them, then move it';
}

function commit({ server }: ConsoleParts, group: string, rows: readonly SeekRow[]): Promise<void> {
  const { context } = server.broker;
  const committedMs = context.wallMs();
  const commits = rows.map(({ topic, partition, after }) => {
    return { topic, partition, committed: { offset: after, leaderEpoch: -1, metadata: '', committedMs } };
  });
  return new Promise((resolve, reject) => {
    context.offsets.commit(group, commits, (code) => {
      if (code === Code.ok) resolve();
      else reject(new ConsoleError(503, `the offsets could not be stored (code ${code})`));
    });
  });
}
