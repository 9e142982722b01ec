/**
 * The `consumer-group/...` entries of the state map: newer groups as they were when their members were last told.
 *
 * Not the groups. To remember: what one heartbeat has changed is one frame, so of a group either all of a step is found
 * after a crash or nothing; and only entries that differ are written.
 */

import { Code, type CodeNumber, Level } from '../../io/native-types.ts';
import {
  consumerGroupKey,
  consumerGroupPrefix,
  consumerMemberKey,
  parseConsumerGroupKey,
} from '../../log/state-keys.ts';
import type { Effect, Engine } from '../../log/types.ts';
import {
  type ConsumerGroupRecord,
  type ConsumerMemberRecord,
  decodeConsumerGroup,
  decodeConsumerMember,
} from './consumer-group-record.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The name of a group's own entry among those of its members, whose ids are not empty. */
export const GROUP_ENTRY = '';

/** Texts of a group's entries, by member id. */
export type GroupEntries = Map<string, string>;

/** A group as it was found. */
export interface StoredConsumerGroup {
  readonly record: ConsumerGroupRecord;
  readonly members: readonly ConsumerMemberRecord[];
  readonly entries: GroupEntries;
}

/** Where the coordinator keeps newer groups. */
export interface ConsumerGroupStore {
  /** All stored groups. Throws on an entry it cannot read. */
  load(): Map<string, StoredConsumerGroup>;
  /** Changes entries of a group in one frame: a text is stored, undefined deletes. `done` runs when it is durable. */
  write(groupId: string, changes: ReadonlyMap<string, string | undefined>, done: (code: CodeNumber) => void): void;
}

/** Groups in the state map of an engine. */
export class EngineConsumerGroupStore implements ConsumerGroupStore {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  load(): Map<string, StoredConsumerGroup> {
    const texts = new Map<string, GroupEntries>();
    for (const [key, value] of this.#engine.scanState(consumerGroupPrefix())) {
      const name = parseConsumerGroupKey(key);
      if (name === undefined) throw new Error('state map holds a group entry with a key that is none');
      const entries = texts.get(name.group) ?? new Map<string, string>();
      texts.set(name.group, entries.set(name.member ?? GROUP_ENTRY, decoder.decode(value)));
    }
    return new Map([...texts].map(([groupId, entries]) => [groupId, decoded(groupId, entries)]));
  }

  write(groupId: string, changes: ReadonlyMap<string, string | undefined>, done: (code: CodeNumber) => void): void {
    const effects = Array.from(changes, ([name, text]): Effect => {
      const key = name === GROUP_ENTRY ? consumerGroupKey(groupId) : consumerMemberKey(groupId, name);
      return text === undefined ? { kind: 'delete', key } : { kind: 'put', key, value: encoder.encode(text) };
    });
    this.#engine.submit(effects, Level.durable, (results, failure) => {
      const refused = results.find(({ code }) => code !== Code.ok && code !== Code.refusedWithFrame);
      done(failure !== Code.ok ? failure : (refused?.code ?? Code.ok));
    });
  }
}

function decoded(groupId: string, entries: GroupEntries): StoredConsumerGroup {
  const own = entries.get(GROUP_ENTRY);
  if (own === undefined) throw new Error(`members of group ${groupId} are stored without the group`);
  const members = [...entries].filter(([name]) => name !== GROUP_ENTRY).map(([, text]) => decodeConsumerMember(text));
  return { record: decodeConsumerGroup(own), members, entries };
}

/** What has to be written so that `before` becomes `now`; undefined deletes. */
export function changedEntries(
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): Map<string, string | undefined> {
  const changes = new Map<string, string | undefined>();
  for (const name of before.keys()) if (!now.has(name)) changes.set(name, undefined);
  for (const [name, text] of now) if (before.get(name) !== text) changes.set(name, text);
  return changes;
}
