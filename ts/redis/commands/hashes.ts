/** Hashes: a key for every field, so that changing one is one small record. Fields are in the order of bytes. */

import type { Collection } from '../collection-head.ts';
import { memberKey, memberOf, memberPrefix } from '../collections.ts';
import type { Call, Command } from '../command.ts';
import { CommandError, errors, wrongArity } from '../protocol/errors.ts';
import { globMatches } from '../protocol/glob.ts';
import { addExtended, formatExtended, isInt64, parseExtended, parseInt64 } from '../protocol/numbers.ts';
import { at, int64, integer, word } from './arguments.ts';
import { cursorOf, scanOptions } from './scan.ts';

function hashOf({ db, args }: Call): Collection | null {
  return db.collection(at(args, 1), 'hash');
}

function field({ db, nowMs }: Call, hash: Collection | null, name: Buffer): Buffer | null {
  return hash === null ? null : (db.members.get(memberKey(hash.id, name), nowMs)?.value ?? null);
}

/** Puts fields; answers how many are new. */
function put(call: Call, pairs: readonly (readonly [name: Buffer, value: Buffer])[], event: string): number {
  const { args, db, host } = call;
  const hash = hashOf(call) ?? host.collections.create('hash');
  let added = 0;
  for (const [name, value] of pairs) {
    if (field(call, hash, name) === null) added += 1;
    db.members.put(memberKey(hash.id, name), value, 0);
  }
  hash.count += added;
  db.setCollection(at(args, 1), hash);
  db.notify('h', event, at(args, 1));
  return added;
}

function pairsOf(args: readonly Buffer[], name: string): [Buffer, Buffer][] {
  if (args.length % 2 === 1) throw new CommandError(wrongArity(name));
  const pairs: [Buffer, Buffer][] = [];
  for (let index = 2; index < args.length; index += 2) pairs.push([at(args, index), at(args, index + 1)]);
  return pairs;
}

function remove(call: Call): void {
  const { args, db, reply } = call;
  const hash = hashOf(call);
  let removed = 0;
  if (hash !== null) {
    for (const name of args.slice(2)) {
      if (field(call, hash, name) === null) continue;
      db.members.remove(memberKey(hash.id, name));
      removed += 1;
    }
    hash.count -= removed;
    if (removed > 0) {
      db.notify('h', 'hdel', at(args, 1));
      db.setCollection(at(args, 1), hash);
    }
  }
  reply.integer(removed);
}

function entriesOf(call: Call): { name: Buffer; value: Buffer }[] {
  const hash = hashOf(call);
  if (hash === null) return [];
  const members = call.host.collections.members(call.db, hash.id, call.nowMs);
  return [...members].map(({ key, value }) => ({ name: memberOf(key), value }));
}

function increaseBy(call: Call): void {
  const { args, reply } = call;
  const by = int64(at(args, 3));
  const old = field(call, hashOf(call), at(args, 2));
  const value = old === null ? 0n : parseInt64(old);
  if (value === undefined) throw new CommandError('ERR hash value is not an integer');
  const sum = value + by;
  if (!isInt64(sum)) throw new CommandError(errors.overflow);
  put(call, [[at(args, 2), Buffer.from(String(sum))]], 'hincrby');
  reply.integer(sum);
}

function increaseByFloat(call: Call): void {
  const { args, reply } = call;
  const by = parseExtended(at(args, 3));
  if (by === undefined) throw new CommandError(errors.float);
  const old = field(call, hashOf(call), at(args, 2));
  const value = old === null ? { mantissa: 0n, exponent: 0 } : parseExtended(old);
  if (value === undefined) throw new CommandError('ERR hash value is not a float');
  if (by === 'infinite' || value === 'infinite') throw new CommandError(errors.infinite);
  const sum = Buffer.from(formatExtended(addExtended(value, by)));
  put(call, [[at(args, 2), sum]], 'hincrbyfloat');
  reply.bulk(sum);
}

function scan(call: Call): void {
  const { args, db, host, nowMs, reply } = call;
  const cursor = cursorOf(at(args, 2));
  const options = scanOptions(args, 3, false);
  const position = cursor === 0 ? { isInHeads: false, after: null } : host.cursors.get(cursor);
  if (position === undefined) throw new CommandError(errors.cursor);
  const hash = hashOf(call);
  const from =
    hash === null ? null : position.after === null ? memberPrefix(hash.id) : memberKey(hash.id, position.after);
  const request = { after: position.after !== null, limit: options.count };
  const page =
    hash === null || from === null
      ? { entries: [], hasMore: false }
      : db.members.range({ ...request, from, to: memberPrefix(hash.id + 1) }, nowMs);
  const last = page.hasMore ? page.entries.at(-1) : undefined;
  const after = last && Buffer.from(memberOf(last.key));
  const found = page.entries.filter(
    ({ key }) => options.pattern === null || globMatches(options.pattern, memberOf(key)),
  );
  reply.array(2);
  reply.text(String(after === undefined ? 0 : host.cursors.add({ isInHeads: false, after })));
  reply.array(found.length * 2);
  for (const { key, value } of found) {
    reply.bulk(memberOf(key));
    reply.bulk(value);
  }
}

const RANDOM_MAX = 1_000_000;

function random(call: Call): void {
  const { args, reply } = call;
  if (args.length > 4 || (args.length === 4 && word(args[3]) !== 'WITHVALUES')) throw new CommandError(errors.syntax);
  const count = args.length > 2 ? integer(at(args, 2)) : 0;
  if (Math.abs(count) > RANDOM_MAX) throw new CommandError('ERR value is out of range');
  const entries = entriesOf(call);
  const draw = (): number => Math.floor(Math.random() * entries.length);
  if (args.length === 2) {
    reply.bulkOrNull(entries[draw()]?.name);
    return;
  }
  const drawn = count < 0 && entries.length > 0 ? Array.from({ length: -count }, () => draw()) : [...entries.keys()];
  while (count >= 0 && drawn.length > count) drawn.splice(Math.floor(Math.random() * drawn.length), 1);
  const withValues = args.length === 4;
  const isNested = withValues && reply.protocol === 3;
  reply.array(withValues && !isNested ? drawn.length * 2 : drawn.length);
  for (const index of drawn) {
    const { name, value } = entries[index] as { name: Buffer; value: Buffer };
    if (isNested) reply.array(2);
    reply.bulk(name);
    if (withValues) reply.bulk(value);
  }
}

function getAll(call: Call): void {
  const entries = entriesOf(call);
  call.reply.map(entries.length);
  for (const { name, value } of entries) {
    call.reply.bulk(name);
    call.reply.bulk(value);
  }
}

function list(part: 'name' | 'value'): (call: Call) => void {
  return (call) => {
    const entries = entriesOf(call);
    call.reply.array(entries.length);
    for (const entry of entries) call.reply.bulk(entry[part]);
  };
}

function getMany(call: Call): void {
  const hash = hashOf(call);
  call.reply.array(call.args.length - 2);
  for (const name of call.args.slice(2)) call.reply.bulkOrNull(field(call, hash, name));
}

function putNew(call: Call): void {
  const isNew = field(call, hashOf(call), at(call.args, 2)) === null;
  if (isNew) put(call, [[at(call.args, 2), at(call.args, 3)]], 'hset');
  call.reply.integer(isNew ? 1 : 0);
}

function putMany(call: Call): void {
  put(call, pairsOf(call.args, 'hmset'), 'hset');
  call.reply.ok();
}

type Row = readonly [
  name: string,
  arity: number,
  kind: 'read' | 'write',
  since: string,
  summary: string,
  run: (call: Call) => void,
];

const rows: readonly Row[] = [
  [
    'hset',
    -4,
    'write',
    '2.0.0',
    'Creates or modifies the value of a field in a hash.',
    (call) => call.reply.integer(put(call, pairsOf(call.args, 'hset'), 'hset')),
  ],
  ['hmset', -4, 'write', '2.0.0', 'Sets the values of multiple fields.', putMany],
  ['hsetnx', 4, 'write', '2.0.0', 'Sets the value of a field in a hash only when the field does not exist.', putNew],
  ['hdel', -3, 'write', '2.0.0', 'Deletes one or more fields and their values from a hash.', remove],
  ['hincrby', 4, 'write', '2.0.0', 'Increments the integer value of a field in a hash by a number.', increaseBy],
  ['hincrbyfloat', 4, 'write', '2.6.0', 'Increments the floating point value of a field by a number.', increaseByFloat],
  [
    'hget',
    3,
    'read',
    '2.0.0',
    'Returns the value of a field in a hash.',
    (call) => call.reply.bulkOrNull(field(call, hashOf(call), at(call.args, 2))),
  ],
  ['hmget', -3, 'read', '2.0.0', 'Returns the values of all fields in a hash that are asked for.', getMany],
  [
    'hlen',
    2,
    'read',
    '2.0.0',
    'Returns the number of fields in a hash.',
    (call) => call.reply.integer(hashOf(call)?.count ?? 0),
  ],
  [
    'hexists',
    3,
    'read',
    '2.0.0',
    'Determines whether a field exists in a hash.',
    (call) => call.reply.integer(field(call, hashOf(call), at(call.args, 2)) === null ? 0 : 1),
  ],
  [
    'hstrlen',
    3,
    'read',
    '3.2.0',
    'Returns the length of the value of a field.',
    (call) => call.reply.integer(field(call, hashOf(call), at(call.args, 2))?.length ?? 0),
  ],
  ['hgetall', 2, 'read', '2.0.0', 'Returns all fields and values in a hash.', getAll],
  ['hkeys', 2, 'read', '2.0.0', 'Returns all fields in a hash.', list('name')],
  ['hvals', 2, 'read', '2.0.0', 'Returns all values in a hash.', list('value')],
  ['hscan', -3, 'read', '2.8.0', 'Iterates over fields and values of a hash.', scan],
  ['hrandfield', -2, 'read', '6.2.0', 'Returns one or more random fields from a hash.', random],
];

/** Reads that take the longer the larger the hash is. */
const SLOW = new Set(['hgetall', 'hkeys', 'hvals', 'hscan', 'hrandfield']);

function flagsOf(name: string, kind: 'read' | 'write'): Command['flags'] {
  if (kind === 'read') return SLOW.has(name) ? ['readonly'] : ['readonly', 'fast'];
  return name === 'hdel' ? ['write', 'fast'] : ['write', 'denyoom', 'fast'];
}

export const hashCommands: readonly Command[] = rows.map(([name, arity, kind, since, summary, run]): Command => {
  return { name, arity, flags: flagsOf(name, kind), keys: [1, 1, 1], group: 'hash', since, summary, run };
});
