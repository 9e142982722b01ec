/**
 * Where elements go when one is put between two that have no room between them.
 *
 * To remember: as few elements as possible are moved, and so far apart that the next ones find room: the cost of many
 * insertions at one place is spread over them.
 */

import { GAP } from './positions.ts';

/** An element and where it lies. */
export interface Element {
  readonly position: number;
  readonly value: Buffer;
}

export interface Places {
  /** For the new element and those that are moved, in order. */
  readonly positions: readonly number[];
  readonly moved: readonly Element[];
  /** Where the list ends now. */
  readonly end: number;
}

/** Elements that are moved at first. */
const WINDOW = 64;
/** So much room is left between moved elements. */
const ROOM = 256;

/** Finds places behind the position `behind`; `following` walks the elements that come after it. */
export function placesBetween(behind: number, end: number, following: () => Iterable<Element>): Places {
  const seen: Element[] = [];
  let window = WINDOW;
  for (const element of following()) {
    if (seen.length === window) {
      const room = Math.floor((element.position - behind) / (seen.length + 2));
      if (room >= ROOM) return { positions: apart(behind, room, seen.length + 1), moved: seen, end };
      window *= 4;
    }
    seen.push(element);
  }
  const positions = apart(behind, GAP, seen.length + 1);
  return { positions, moved: seen, end: Math.max(end, (positions.at(-1) as number) + 1) };
}

function apart(behind: number, room: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => behind + room * (index + 1));
}
