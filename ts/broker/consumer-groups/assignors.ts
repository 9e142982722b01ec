/**
 * The two server-side assignors: `uniform` spreads all partitions evenly and keeps what it can where it is; `range` gives
 * each member a run of every topic, so that equal topics go to equal members.
 *
 * Pure functions. To remember: the answer depends on the input only, whatever order members and topics come in.
 */

import { NO_PARTITIONS, PartitionSet, type Partitions } from './partitions.ts';

export interface AssignorMember {
  readonly id: string;
  readonly instanceId: string | null;
  /** Ids of the topics it reads that exist. */
  readonly topicIds: ReadonlySet<string>;
}

export interface AssignorInput {
  readonly members: readonly AssignorMember[];
  /** Partitions of every topic some member reads, by topic id. */
  readonly topics: ReadonlyMap<string, number>;
  /** What each member was meant to have before. */
  readonly previous: ReadonlyMap<string, Partitions>;
}

export type Assignor = (input: AssignorInput) => Map<string, Partitions>;

/** By the names clients ask for; the first one is the default. */
export const ASSIGNORS: ReadonlyMap<string, Assignor> = new Map([
  ['uniform', uniform],
  ['range', range],
]);

interface Load {
  readonly member: AssignorMember;
  readonly owned: Map<string, Set<number>>;
  size: number;
}

function uniform({ members, topics, previous }: AssignorInput): Map<string, Partitions> {
  const loads = sorted(members).map((member): Load => ({ member, owned: new Map(), size: 0 }));
  const taken = new Set<string>();
  const share = readAllTheSame(members) ? Math.ceil(total(topics) / loads.length) : Number.POSITIVE_INFINITY;
  for (const load of loads) {
    for (const [topicId, partitions] of previous.get(load.member.id) ?? NO_PARTITIONS) {
      if (!load.member.topicIds.has(topicId)) continue;
      for (const partition of partitions) {
        const key = `${topicId}/${partition}`;
        if (load.size >= share || partition >= (topics.get(topicId) ?? 0) || taken.has(key)) continue;
        taken.add(key);
        give(load, topicId, partition);
      }
    }
  }
  for (const [topicId, partitions] of sortedTopics(topics)) {
    const readers = loads.filter(({ member }) => member.topicIds.has(topicId));
    for (let partition = 0; partition < partitions; partition += 1) {
      if (!taken.has(`${topicId}/${partition}`)) giveTo(least(readers), topicId, partition);
    }
  }
  level(loads);
  return new Map(loads.map(({ member, owned }) => [member.id, owned]));
}

/** Then nobody needs more than an equal share; otherwise `level` decides who has too much. */
function readAllTheSame(members: readonly AssignorMember[]): boolean {
  const [first] = members;
  return members.every(
    ({ topicIds }) => topicIds.size === first?.topicIds.size && [...topicIds].every((id) => first.topicIds.has(id)),
  );
}

/** Moves partitions from the fullest to emptier readers of the same topic while that makes the spread smaller. */
function level(loads: readonly Load[]): void {
  for (let moved = true; moved; ) {
    moved = false;
    for (const from of [...loads].sort((a, b) => b.size - a.size)) moved = shed(from, loads) || moved;
  }
}

/** Each move makes the sum of squares of all sizes smaller, so this ends. */
function shed(from: Load, loads: readonly Load[]): boolean {
  let moved = false;
  for (const [topicId, partitions] of from.owned) {
    const readers = loads.filter(({ member }) => member.topicIds.has(topicId));
    for (const partition of [...partitions]) {
      const to = least(readers);
      if (to === undefined || from.size - to.size < 2) break;
      partitions.delete(partition);
      from.size -= 1;
      give(to, topicId, partition);
      moved = true;
    }
    if (partitions.size === 0) from.owned.delete(topicId);
  }
  return moved;
}

function least(loads: readonly Load[]): Load | undefined {
  let found: Load | undefined;
  for (const load of loads) if (found === undefined || load.size < found.size) found = load;
  return found;
}

function giveTo(load: Load | undefined, topicId: string, partition: number): void {
  if (load !== undefined) give(load, topicId, partition);
}

function give(load: Load, topicId: string, partition: number): void {
  const known = load.owned.get(topicId);
  if (known) known.add(partition);
  else load.owned.set(topicId, new Set([partition]));
  load.size += 1;
}

function range({ members, topics }: AssignorInput): Map<string, Partitions> {
  const all = sorted(members);
  const given = new Map(all.map((member) => [member.id, new PartitionSet()]));
  for (const [topicId, partitions] of topics) {
    const readers = all.filter((member) => member.topicIds.has(topicId));
    let next = 0;
    readers.forEach((member, at) => {
      const size = Math.floor(partitions / readers.length) + (at < partitions % readers.length ? 1 : 0);
      for (const end = next + size; next < end; next += 1) given.get(member.id)?.add(topicId, next);
    });
  }
  return new Map([...given].map(([id, set]) => [id, set.value]));
}

/** Static members by their instance ids, so that one that comes back has its old place. */
function sorted(members: readonly AssignorMember[]): AssignorMember[] {
  const name = ({ id, instanceId }: AssignorMember) => instanceId ?? id;
  return [...members].sort((a, b) => (name(a) < name(b) ? -1 : 1));
}

function sortedTopics(topics: ReadonlyMap<string, number>): (readonly [string, number])[] {
  return [...topics].sort(([a], [b]) => (a < b ? -1 : 1));
}

function total(topics: ReadonlyMap<string, number>): number {
  return [...topics.values()].reduce((sum, partitions) => sum + partitions, 0);
}
