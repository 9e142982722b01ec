/**
 * The `group/...` entries of the state map: where completed rebalances lie, so that members of a restarted broker go on
 * without another one.
 *
 * Not the groups (coordinator.ts). To remember: frames are durable in the order they were submitted, so of two entries of
 * one group the later one stands.
 */

import { Code, type CodeNumber, Level } from '../../io/native-types.ts';
import { groupKey, groupPrefix, parseGroupKey } from '../../log/state-keys.ts';
import type { Effect, Engine } from '../../log/types.ts';
import { decodeStoredGroup, encodeStoredGroup, type StoredGroup } from './group-record.ts';

/**
 * Longest entry of a group, bytes: twice what Kafka can store by default. The state map lies in memory and is written
 * whole at checkpoints, so what members say about themselves must not fill it.
 */
export const GROUP_ENTRY_MAX: number = 2 * 1024 * 1024;

/** Where the coordinator keeps groups. */
export interface GroupStore {
  /** All stored groups. Throws on an entry it cannot read. */
  load(): Iterable<{ groupId: string; stored: StoredGroup }>;
  /** Stores a group; `done` runs when it is durable, or with the reason why not (`messageTooLarge`: at once). */
  put(groupId: string, stored: StoredGroup, done: (code: CodeNumber) => void): void;
  /** Forgets a group. */
  delete(groupId: string): void;
}

/** Groups in the state map of an engine. */
export class EngineGroupStore implements GroupStore {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  *load(): Iterable<{ groupId: string; stored: StoredGroup }> {
    for (const [key, value] of this.#engine.scanState(groupPrefix())) {
      const groupId = parseGroupKey(key);
      if (groupId === undefined) throw new Error('state map holds a group entry with a key that is none');
      yield { groupId, stored: decodeStoredGroup(value) };
    }
  }

  put(groupId: string, stored: StoredGroup, done: (code: CodeNumber) => void): void {
    const value = encodeStoredGroup(stored);
    if (value.length > GROUP_ENTRY_MAX) done(Code.messageTooLarge);
    else this.#submit({ kind: 'put', key: groupKey(groupId), value }, done);
  }

  delete(groupId: string): void {
    // When this fails the group is found empty at the next start, and is forgotten then.
    this.#submit({ kind: 'delete', key: groupKey(groupId) }, () => {});
  }

  #submit(effect: Effect, done: (code: CodeNumber) => void): void {
    this.#engine.submit([effect], Level.durable, ([result], failure) => {
      done(failure !== Code.ok ? failure : (result?.code ?? Code.ok));
    });
  }
}
