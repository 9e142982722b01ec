/** HSCAN's kin: one page of the members of a collection behind a cursor. */

import { memberPrefix } from '../collections.ts';
import type { Call } from '../command.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import type { RangeEntry } from '../store-view.ts';
import { at } from './arguments.ts';
import { cursorOf, scanOptions } from './scan.ts';

/** What of a page is shown, each as a string; `pattern` null: all. */
export type Shown = (entries: readonly RangeEntry[], pattern: Buffer | null) => readonly Buffer[];

/**
 * Answers a cursor and what `shown` makes of the page. `id` null: there is no such key. `part` comes behind the number in
 * the keys of the members that are looked at.
 */
export function scanMembers(call: Call, id: number | null, shown: Shown, part: Buffer = NOTHING): void {
  const { args, db, host, nowMs, reply } = call;
  const cursor = cursorOf(at(args, 2));
  const options = scanOptions(args, 3, false);
  const position = cursor === 0 ? { isInHeads: false, after: null } : host.cursors.get(cursor);
  if (position === undefined) throw new CommandError(errors.cursor);
  const from = id === null ? null : Buffer.concat([memberPrefix(id), position.after ?? part]);
  const to = id === null ? undefined : part === NOTHING ? memberPrefix(id + 1) : behindAll(memberPrefix(id), part);
  const request = { after: position.after !== null, to, limit: options.count };
  const page = from === null ? NO_PAGE : db.members.range({ ...request, from }, nowMs);
  const last = page.hasMore ? page.entries.at(-1) : undefined;
  const after = last && Buffer.from(last.key.subarray(ID_BYTES));
  const found = shown(page.entries, options.pattern);
  reply.array(2);
  reply.text(String(after === undefined ? 0 : host.cursors.add({ isInHeads: false, after })));
  reply.array(found.length);
  for (const text of found) reply.bulk(text);
}

const ID_BYTES = 8;
const NOTHING: Buffer = Buffer.alloc(0);
const NO_PAGE = { entries: [], hasMore: false };

/** The first key behind all that begin with `prefix` and the one byte `part`. */
function behindAll(prefix: Buffer, part: Buffer): Buffer {
  return Buffer.concat([prefix, Buffer.from([(part[0] as number) + 1])]);
}
