/**
 * Random commands on sets, sorted sets and lists, right and wrong ones.
 *
 * To remember: members of sets come in an order that is nobody's, so replies that list them are compared without it.
 */
import type { Random } from '../../support/random.ts';
import { key, pick, type RandomCommand, small, value } from './random-commands.ts';

type Make = (random: Random) => string[];
type Loose = readonly [RandomCommand['comparison'], Make];

const some = (random: Random, make: (random: Random) => string, most = 3): string[] =>
  Array.from({ length: random.between(1, most) }, () => make(random));
const member = (random: Random): string => pick(random, ['1', '2', '3', 'x', 'y', '', '\x00\xff', value(random)]);
const count = (random: Random): string => pick(random, [small(random), small(random), '100', 'x', '']);
/** A number of keys with as many keys, or nearly so. */
const counted = (random: Random): string[] => {
  const keys = some(random, key);
  return [pick(random, [String(keys.length), String(keys.length), String(keys.length), '0', 'x', '9']), ...keys];
};

const sets: Make[] = [
  (r) => ['SADD', key(r), ...some(r, member, 5)],
  (r) => ['SADD', pick(r, ['s1', 's2']), ...some(r, member, 5)],
  (r) => ['SREM', key(r), ...some(r, member)],
  (r) => ['SISMEMBER', key(r), member(r)],
  (r) => ['SMISMEMBER', key(r), ...some(r, member)],
  (r) => ['SCARD', key(r)],
  (r) => ['SMOVE', key(r), key(r), member(r)],
  (r) => ['SINTERCARD', ...counted(r), ...pick(r, [[], ['LIMIT', count(r)], ['LIMIT'], ['x', '1']])],
  (r) => [pick(r, ['SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE']), key(r), ...some(r, key)],
  (r) => ['SPOP', key(r), pick(r, ['0', '-1', 'x'])],
  (r) => ['SRANDMEMBER', key(r), pick(r, ['0', 'x', '-9223372036854775808'])],
  (r) => ['SPOP', key(r), '1', '2'],
  (r) => ['SADD', key(r)],
];

const looseSets: Loose[] = [
  ['unordered', (r) => ['SMEMBERS', key(r)]],
  ['unordered', (r) => [pick(r, ['SINTER', 'SUNION', 'SDIFF']), ...some(r, key)]],
  ['unordered', (r) => ['SSCAN', key(r), '0', 'COUNT', '1000', ...pick(r, [[], ['MATCH', '[xy]']])]],
  ['unordered', (r) => ['SPOP', key(r), '1000']],
  ['unordered', (r) => ['SRANDMEMBER', key(r), '1000']],
];

/** Families of commands whose replies are compared byte for byte. */
export const collectionFamilies: readonly (readonly Make[])[] = [sets];
/** Commands whose replies are compared loosely. */
export const looseCollections: readonly Loose[] = looseSets;
