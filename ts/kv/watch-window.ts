/**
 * Watching a store by the window of its newest changes in memory.
 *
 * Not the feed that survives a restart (watch-feed.ts). The invariant to remember: commits are told in their order, whole,
 * and only when they have reached the level asked for; one that the window has lost is an error, never a gap.
 */

import { MillraceError } from '../errors.ts';
import { fromCode } from '../io/native-error.ts';
import type { CodeNumber } from '../io/native-types.ts';
import { Code } from '../io/native-types.ts';
import type { ChangeWindow } from './change-window.ts';
import { Bell, type RawChange, ringOn, throwIfStopped } from './raw-change.ts';
import type { Store } from './store.ts';
import { positionText, type SequencePosition } from './watch-position.ts';

/** The level a change must have reached before it is told. */
export type WatchIsolation = 'durable' | 'written';

/** Where in a window to begin: a commit by its number, and how many of its changes to leave out. */
export interface WindowStart {
  readonly number: number;
  readonly skip: number;
}

/** Where a position lies in the window. Throws MILLRACE_FELL_BEHIND, MILLRACE_ARGUMENT. */
export function startIn(window: ChangeWindow, store: Store, { sequence, taken }: SequencePosition): WindowStart {
  if (sequence > store.appendedLsn) {
    throw new MillraceError(
      'MILLRACE_ARGUMENT',
      'the position lies behind the newest write: it is of another directory',
    );
  }
  const number = window.numberBehind(taken > 0 ? sequence - 1 : sequence);
  if (number === undefined) throw fellBehind();
  return { number, skip: taken };
}

function fellBehind(): MillraceError {
  return new MillraceError('MILLRACE_FELL_BEHIND');
}

/** All commits from `start` on. */
export async function* watchWindow(
  window: ChangeWindow,
  store: Store,
  start: WindowStart,
  isolation: WatchIsolation,
  signal: AbortSignal,
): AsyncGenerator<RawChange, void, undefined> {
  const bell = new Bell();
  let failure: CodeNumber = Code.ok;
  const stops = [
    window.listen(() => bell.ring()),
    ringOn(signal, bell),
    store.stores.engine.onFailure((code) => {
      failure = code;
      bell.ring();
    }),
  ];
  let { number, skip } = start;
  try {
    for (;;) {
      throwIfStopped(signal);
      const commit = window.at(number, isolation);
      if (commit === 'gone') throw fellBehind();
      if (commit) {
        number += 1;
        for (let index = skip; index < commit.changes.length; index += 1) {
          throwIfStopped(signal);
          yield rawChange(commit.sequence, commit.changes, index);
        }
        skip = 0;
        continue;
      }
      const end = failure || window.end;
      if (end !== Code.ok) throw fromCode(end);
      await bell.wait();
    }
  } finally {
    for (const stop of stops) stop();
  }
}

function rawChange(sequence: number, changes: readonly RawChange['change'][], index: number): RawChange {
  const isLast = index + 1 === changes.length;
  const position = positionText({ kind: 'sequence', sequence, taken: isLast ? 0 : index + 1 });
  return { change: changes[index] as RawChange['change'], sequence, isLast, isInitial: false, position };
}
