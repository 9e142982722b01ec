/** DUMP and RESTORE: a key as a payload that Redis reads, and back from one of ours or Redis' own. */

import { decodeHead } from '../collection-head.ts';
import { memberKey, memberOf } from '../collections.ts';
import type { Call, Command } from '../command.ts';
import { BadPayload } from '../dump/bad-payload.ts';
import { seal, unseal } from '../dump/payload.ts';
import { type Dumped, readDumped } from '../dump/rdb-reader.ts';
import { RdbType } from '../dump/rdb-types.ts';
import { RdbWriter } from '../dump/rdb-writer.ts';
import { StoredList } from '../lists/stored-list.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { StoredSet } from '../sets/stored-set.ts';
import { StoredSortedSet } from '../sorted-sets/stored-sorted-set.ts';
import { at, integer, word } from './arguments.ts';

const BAD_FORMAT = 'ERR Bad data format';

function dump(call: Call): void {
  const { args, db, reply } = call;
  const found = db.entry(at(args, 1));
  if (found === null) reply.null();
  else if (found.type === 'string') {
    const writer = new RdbWriter(RdbType.string);
    writer.string(found.entry.value);
    reply.bulk(seal(writer.bytes()));
  } else reply.bulk(seal(collectionBody(call, found.type, decodeHead(found.entry))));
}

function collectionBody(
  { db, host, nowMs }: Call,
  type: 'list' | 'set' | 'zset' | 'hash',
  { id, count }: { readonly id: number; readonly count: number },
): Buffer {
  const types = { list: RdbType.list, set: RdbType.set, zset: RdbType.sortedSet, hash: RdbType.hash } as const;
  const writer = new RdbWriter(types[type]);
  writer.length(count);
  for (const member of host.collections.members(db, id, nowMs)) {
    if (type === 'list') writer.string(member.value);
    else if (type === 'set') writer.string(StoredSet.memberOf(member.key));
    else if (type === 'hash') {
      writer.string(memberOf(member.key));
      writer.string(member.value);
    } else if (memberOf(member.key)[0] === StoredSortedSet.scanPart[0]) {
      const { member: name, score } = StoredSortedSet.scanned(member);
      writer.string(name);
      writer.score(score);
    }
  }
  return writer.bytes();
}

/** What stands behind the payload of RESTORE. */
interface RestoreOptions {
  replaces: boolean;
  isAbsolute: boolean;
}

function restoreOptions(args: readonly Buffer[]): RestoreOptions {
  const options = { replaces: false, isAbsolute: false };
  for (let index = 4; index < args.length; index += 1) {
    const name = word(args[index]);
    const hasNext = index + 1 < args.length;
    if (name === 'REPLACE') options.replaces = true;
    else if (name === 'ABSTTL') options.isAbsolute = true;
    else if (name === 'IDLETIME' && hasNext) {
      index += 1;
      if (integer(at(args, index)) < 0) throw new CommandError('ERR Invalid IDLETIME value, must be >= 0');
    } else if (name === 'FREQ' && hasNext) {
      index += 1;
      const frequency = integer(at(args, index));
      if (frequency < 0 || frequency > 255) throw new CommandError('ERR Invalid FREQ value, must be >= 0 and <= 255');
    } else throw new CommandError(errors.syntax);
  }
  return options;
}

function restore(call: Call): void {
  const { args, db, host, nowMs, reply } = call;
  const key = at(args, 1);
  const { replaces, isAbsolute } = restoreOptions(args);
  const isThere = db.has(key);
  if (isThere && !replaces) throw new CommandError('BUSYKEY Target key name already exists.');
  const ttl = integer(at(args, 2));
  if (ttl < 0) throw new CommandError('ERR Invalid TTL value, must be >= 0');
  const body = unseal(at(args, 3));
  if (body === undefined) throw new CommandError('ERR DUMP payload version or checksum are wrong');
  const dumped = read(body, host.settings.number('proto-max-bulk-len'));
  const expiresMs = ttl === 0 || isAbsolute ? ttl : Math.min(ttl + nowMs, Number.MAX_SAFE_INTEGER);
  if (expiresMs !== 0 && expiresMs <= nowMs) {
    // It has expired already: what it would have replaced is gone all the same.
    if (isThere) {
      db.remove(key);
      db.notify('g', 'del', key);
    }
    reply.ok();
    return;
  }
  if (dumped.type === 'string') {
    db.setString(key, dumped.value, expiresMs);
  } else {
    put(call, key, dumped);
    if (expiresMs !== 0) db.setExpiry(key, expiresMs);
  }
  db.notify('g', 'restore', key);
  reply.ok();
}

function read(body: Buffer, maxBytes: number): Dumped {
  try {
    return readDumped(body, maxBytes);
  } catch (reason) {
    if (reason instanceof BadPayload) throw new CommandError(BAD_FORMAT);
    throw reason;
  }
}

/** Puts a collection in the place of what the key holds. What is twice in it was never dumped. */
function put(call: Call, key: Buffer, dumped: Exclude<Dumped, { type: 'string' }>): void {
  if (dumped.type === 'list') {
    const list = StoredList.replace(call, key);
    for (const element of dumped.elements) list.push(element, false);
    list.save();
  } else if (dumped.type === 'set') {
    mustDiffer(dumped.elements);
    const set = StoredSet.replace(call, key);
    for (const element of dumped.elements) set.add(element);
    set.save();
  } else if (dumped.type === 'zset') {
    mustDiffer(dumped.scored.map(([member]) => member));
    const sorted = StoredSortedSet.replace(call, key);
    for (const [member, score] of dumped.scored) sorted.put(member, score, null);
    sorted.save();
  } else {
    mustDiffer(dumped.pairs.map(([field]) => field));
    const { db, host } = call;
    db.remove(key);
    const hash = host.collections.create('hash');
    for (const [field, value] of dumped.pairs) db.members.put(memberKey(hash.id, field), value, 0);
    hash.count = dumped.pairs.length;
    db.setCollection(key, hash);
  }
}

function mustDiffer(elements: readonly Buffer[]): void {
  if (new Set(elements.map((element) => element.toString('latin1'))).size < elements.length) {
    throw new CommandError(BAD_FORMAT);
  }
}

export const dumpCommands: readonly Command[] = [
  {
    name: 'dump',
    arity: 2,
    flags: ['readonly'],
    keys: [1, 1, 1],
    group: 'generic',
    since: '2.6.0',
    summary: 'Returns a serialized representation of the value stored at a key.',
    note: 'in the layouts that Redis 5 and later read',
    run: dump,
  },
  {
    name: 'restore',
    arity: -4,
    flags: ['write', 'denyoom'],
    keys: [1, 1, 1],
    group: 'generic',
    since: '2.6.0',
    summary: 'Creates a key from the serialized representation of a value.',
    note: 'payloads of DUMP here, and of Redis 7.0 and 7.2; IDLETIME and FREQ are not kept',
    run: restore,
  },
];
