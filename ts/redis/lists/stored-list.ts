/**
 * A list on the disk: a key for every element, in the order of positions with room between them.
 *
 * Not commands (commands/lists.ts). The invariants to remember: elements lie from the head's `first` on and before its
 * `end`; as long as they are exactly a `GAP` apart the list is even, `first` is a multiple of `GAP`, and an index is a
 * position; once something was put or removed between others, an index is found by
 * counting (store-view.ts). `save` puts the head.
 */

import type { Collection } from '../collection-head.ts';
import { memberKey } from '../collections.ts';
import type { Call } from '../command.ts';
import { walkMembers } from '../member-walk.ts';
import { CommandError } from '../protocol/errors.ts';
import { placesBetween } from './places.ts';
import { GAP, positionBytes, positionOf } from './positions.ts';

/** One element. */
export interface Placed {
  readonly position: number;
  /** Empty when only positions were asked for. */
  readonly value: Buffer;
}

/** How to walk. */
export interface ListWalk {
  readonly reverse?: boolean;
  readonly keysOnly?: boolean;
  /** How many elements are expected to be looked at. */
  readonly expected?: number;
  /** Inclusive. */
  readonly from?: number;
  /** Exclusive. */
  readonly to?: number;
}

/** Elements of which so many come before are walked to: one crossing, as looking one up would be. */
const WALKED = 128;
const LACKING = 'ERR the list lacks an element that its head counts';

export class StoredList {
  readonly #call: Call;
  readonly #key: Buffer;
  readonly #head: Collection;
  #isHeadChanged = false;
  #isChanged = false;

  private constructor(call: Call, key: Buffer, head: Collection) {
    this.#call = call;
    this.#key = key;
    this.#head = head;
  }

  /** The list under a key, null when there is no such key. Throws WRONGTYPE. */
  static open(call: Call, key: Buffer): StoredList | null {
    const head = call.db.collection(key, 'list');
    return head && new StoredList(call, key, head);
  }

  /** The list under a key, or a new one. Throws WRONGTYPE. */
  static openOrCreate(call: Call, key: Buffer): StoredList {
    return new StoredList(call, key, call.db.collection(key, 'list') ?? call.host.collections.create('list'));
  }

  /** A new list that takes the place of whatever the key holds when it is saved. */
  static replace(call: Call, key: Buffer): StoredList {
    call.db.remove(key);
    return new StoredList(call, key, call.host.collections.create('list'));
  }

  get count(): number {
    return this.#head.count;
  }

  get #isEven(): boolean {
    return this.#head.first % GAP === 0;
  }

  /** From now on an index is found by counting. */
  #makeUneven(): void {
    if (this.#isEven) this.#head.first -= 1;
    this.#isHeadChanged = true;
  }

  #keyAt(position: number): Buffer {
    return memberKey(this.#head.id, positionBytes(position));
  }

  #put(position: number, value: Buffer): void {
    this.#call.db.members.put(this.#keyAt(position), value, 0);
    this.#isChanged = true;
  }

  push(value: Buffer, isLeft: boolean): void {
    if (isLeft) {
      this.#head.first -= GAP;
      this.#put(this.#head.first, value);
    } else {
      this.#put(this.#isEven ? this.#head.end : this.#head.end + GAP - 1, value);
      this.#head.end += GAP;
    }
    this.#head.count += 1;
    this.#isHeadChanged = true;
  }

  /** Takes away elements of one end, at most `count`, the outermost first. */
  pop(count: number, isLeft: boolean): Buffer[] {
    const popped = this.outermost(Math.min(count, this.count), isLeft);
    for (const { position } of popped) this.#call.db.members.remove(this.#keyAt(position));
    const last = popped.at(-1);
    if (last === undefined) return [];
    this.#head.count -= popped.length;
    if (isLeft) this.#beginBehind(last.position);
    else this.#head.end = last.position;
    this.#isHeadChanged = true;
    return popped.map(({ value }) => value);
  }

  /** The list begins behind a position that was an element's. An uneven list stays one. */
  #beginBehind(position: number): void {
    if (this.#isEven) this.#head.first = position + GAP;
    else this.#head.first = position % GAP === 0 ? position + 1 : position;
  }

  /** The first elements of one end. */
  outermost(count: number, isLeft: boolean): Placed[] {
    if (count <= 0) return [];
    if (count === 1 && this.#isEven) return [this.#at(isLeft ? this.#head.first : this.#head.end - GAP)];
    const found: Placed[] = [];
    for (const placed of this.walk({ reverse: !isLeft, expected: count })) {
      found.push(placed);
      if (found.length === count) break;
    }
    return found;
  }

  #at(position: number): Placed {
    const entry = this.#call.db.members.get(this.#keyAt(position), this.#call.nowMs);
    if (entry === null) throw new CommandError(LACKING);
    return { position, value: entry.value };
  }

  *walk(walk: ListWalk = {}): Generator<Placed, void, undefined> {
    const { reverse = false, keysOnly = false, expected = this.count } = walk;
    const { first, end } = this.#head;
    const from = this.#keyAt(Math.max(walk.from ?? first, first));
    const to = this.#keyAt(Math.min(walk.to ?? end, end));
    const range = { from, to, reverse, keysOnly, expected };
    for (const { key, value } of walkMembers(this.#call.db, range, this.#call.nowMs)) {
      yield { position: positionOf(key), value };
    }
  }

  /** Where the element at an index lies; it has to be in the list. */
  positionAt(index: number): number {
    const { first, count } = this.#head;
    if (this.#isEven) return first + index * GAP;
    const reverse = index > count / 2;
    if (Math.min(index, count - 1 - index) > WALKED) return this.#searchedAt(index);
    let left = reverse ? count - 1 - index : index;
    for (const { position } of this.walk({ reverse, keysOnly: true, expected: left + 1 })) {
      if (left === 0) return position;
      left -= 1;
    }
    throw new CommandError(LACKING);
  }

  #searchedAt(index: number): number {
    const { first, end } = this.#head;
    const key = this.#call.db.members.keyAt(this.#keyAt(first), this.#keyAt(end), index, this.#call.nowMs);
    if (key === null) throw new CommandError(LACKING);
    return positionOf(key);
  }

  /** The element at an index that is in the list. */
  elementAt(index: number): Buffer {
    return this.#at(this.positionAt(index)).value;
  }

  /** Elements from one index to another, both in the list. */
  slice(first: number, last: number): Buffer[] {
    const found: Buffer[] = [];
    const size = last - first + 1;
    const [from, to] = [this.#keyAt(this.positionAt(first)), this.#keyAt(this.#head.end)];
    for (const { value } of walkMembers(this.#call.db, { from, to, expected: size }, this.#call.nowMs)) {
      found.push(value);
      if (found.length === size) break;
    }
    return found;
  }

  setAt(index: number, value: Buffer): void {
    this.#put(this.positionAt(index), value);
  }

  /** Removes elements by their positions. */
  removeAll(positions: readonly number[]): void {
    if (positions.length === 0) return;
    for (const position of positions) this.#call.db.members.remove(this.#keyAt(position));
    this.#head.count -= positions.length;
    this.#makeUneven();
  }

  /** Removes all but the elements from one index to another, both in the list. */
  trim(first: number, last: number): void {
    const left = this.outermost(first, true).map(({ position }) => position);
    const right = this.outermost(this.count - 1 - last, false).map(({ position }) => position);
    // Whoever watches the key is told of a trim that removes nothing too, as by Redis.
    this.#isChanged = true;
    if (left.length + right.length === 0) return;
    for (const position of [...left, ...right]) this.#call.db.members.remove(this.#keyAt(position));
    if (left.length > 0) this.#beginBehind(left.at(-1) as number);
    if (right.length > 0) this.#head.end = right.at(-1) as number;
    this.#head.count -= left.length + right.length;
    this.#isHeadChanged = true;
  }

  /** Puts a value next to the element at a position. */
  insert(value: Buffer, pivot: number, isBefore: boolean): void {
    const behind = isBefore ? this.#neighbour(pivot, true) : pivot;
    const ahead = isBefore ? pivot : this.#neighbour(pivot, false);
    if (behind === null || ahead === null) {
      this.push(value, isBefore);
      return;
    }
    this.#head.count += 1;
    this.#makeUneven();
    if (ahead - behind > 1) this.#put(behind + Math.floor((ahead - behind) / 2), value);
    else this.#spread(behind, value);
  }

  /** The position next to another one; null at the end. */
  #neighbour(position: number, isBefore: boolean): number | null {
    const range = isBefore ? { to: position } : { from: position + 1 };
    const [next] = this.walk({ ...range, reverse: isBefore, keysOnly: true, expected: 1 });
    return next?.position ?? null;
  }

  /** Puts a value behind a position where there is no room: elements that follow are moved apart. */
  #spread(behind: number, value: Buffer): void {
    const { positions, moved, end } = placesBetween(behind, this.#head.end, () =>
      this.walk({ from: behind + 1, expected: 65 }),
    );
    for (const { position } of moved) this.#call.db.members.remove(this.#keyAt(position));
    const values = [value, ...moved.map((placed) => placed.value)];
    values.forEach((one, index) => {
      this.#put(positions[index] as number, one);
    });
    this.#head.end = end;
  }

  /** Removes the key with all elements at once. */
  drop(): void {
    this.#call.db.remove(this.#key);
    this.#call.db.notify('g', 'del', this.#key);
  }

  /** Puts the head when it has changed; a list without elements is gone, and told so. */
  save(): void {
    if (this.#isHeadChanged) this.#call.db.setCollection(this.#key, this.#head);
    else if (this.#isChanged) this.#call.db.touched(this.#key);
  }
}
