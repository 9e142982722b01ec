/**
 * Where a watcher stands, as text that can be kept: in the sequence of commits, or in the offset of a feed.
 *
 * Not the reading (watch-window.ts, watch-feed.ts). To remember: a position names what comes next, so nothing is told
 * twice and nothing is left out by whoever goes on from it.
 */

import { MillraceError } from '../errors.ts';

/** Behind everything up to `sequence`; `taken` changes of the commit that follows have been told too. */
export interface SequencePosition {
  readonly kind: 'sequence';
  readonly sequence: number;
  /** Above 0: of the commit `sequence` itself only so many changes have been told. */
  readonly taken: number;
}

/** The next offset of the topic with this id. */
export interface OffsetPosition {
  readonly kind: 'offset';
  readonly id: string;
  readonly offset: number;
}

export type WatchPosition = SequencePosition | OffsetPosition;

const SEQUENCE = /^s(\d{1,16})(?:\.(\d{1,9}))?$/;
const OFFSET = /^f([0-9a-f]{32})\.(\d{1,16})$/;

/** The text of a position. */
export function positionText(position: WatchPosition): string {
  if (position.kind === 'offset') return `f${position.id}.${position.offset}`;
  return position.taken > 0 ? `s${position.sequence}.${position.taken}` : `s${position.sequence}`;
}

/** The position of a text. Throws MILLRACE_ARGUMENT. */
export function parsePosition(text: string): WatchPosition {
  const sequence = SEQUENCE.exec(text);
  if (sequence) return { kind: 'sequence', sequence: Number(sequence[1]), taken: Number(sequence[2] ?? 0) };
  const offset = OFFSET.exec(text);
  if (!offset)
    throw new MillraceError('MILLRACE_ARGUMENT', 'from must be a position of this store, `now` or `earliest`');
  return { kind: 'offset', id: offset[1] ?? '', offset: Number(offset[2]) };
}
