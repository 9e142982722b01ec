/**
 * Random commands on sets, sorted sets and lists, right and wrong ones.
 *
 * To remember: members of sets come in an order that is nobody's, so replies that list them are compared without it.
 */
import type { Random } from '../../support/random.ts';
import { key, pick, type RandomCommand, small, value } from './random-arguments.ts';

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

const score = (random: Random): string =>
  pick(random, [
    small(random),
    small(random),
    small(random),
    '1.5',
    '-0.1',
    '1e-7',
    '3.14e20',
    'inf',
    '-inf',
    pick(random, ['-0', '0x1p3', '+5', '.5', '5.', '1e400', 'nan', 'x', '', ' 1']),
  ]);
const bound = (random: Random): string => pick(random, [score(random), `(${score(random)}`, '-inf', '+inf', '(', '']);
const lex = (random: Random): string =>
  pick(random, ['-', '+', '[a', '(a', '[c', '(d', '[', '(', 'a', '', '++', '[dd']);
const limit = (random: Random): string[] =>
  pick(random, [[], [], ['LIMIT', small(random), small(random)], ['LIMIT', '0', '-1'], ['LIMIT', '1']]);
const index = (random: Random): string => pick(random, [small(random), '0', '-1', 'x']);
const withScores = (random: Random): string[] => pick(random, [[], ['WITHSCORES'], ['withscores'], ['x']]);
/** Holds members of one score: only their order by bytes is promised. */
const lexKey = 'one-score';

const addOptions = (random: Random): string[] => {
  const options: string[] = [];
  while (random.between(0, 2) === 0) options.push(pick(random, ['NX', 'XX', 'GT', 'LT', 'CH', 'INCR', 'gt']));
  return options;
};

const zkey = (random: Random): string => pick(random, [key(random), 'z1', 'z2', 'z3']);
const weighted = (random: Random): string[] => {
  const keys = [zkey(random), zkey(random)].slice(0, random.between(1, 2));
  const weights = pick(random, [[], ['WEIGHTS', ...keys.map(() => score(random))], ['WEIGHTS', '1']]);
  const aggregate = pick(random, [[], ['AGGREGATE', pick(random, ['SUM', 'MIN', 'MAX', 'x'])]]);
  return [pick(random, [String(keys.length), String(keys.length), '0', 'x', '7']), ...keys, ...weights, ...aggregate];
};

const sortedSets: Make[] = [
  (r) => ['ZADD', zkey(r), ...addOptions(r), ...some(r, score).flatMap((one) => [one, member(r)])],
  (r) => ['ZADD', zkey(r), ...some(r, small, 5).flatMap((one) => [one, member(r)])],
  (r) => ['ZADD', zkey(r), ...some(r, small, 5).flatMap((one) => [one, member(r)])],
  (r) => ['ZADD', zkey(r), score(r), member(r), score(r)],
  (r) => ['ZINCRBY', zkey(r), score(r), member(r)],
  (r) => ['ZREM', zkey(r), ...some(r, member)],
  (r) => ['ZSCORE', zkey(r), member(r)],
  (r) => ['ZMSCORE', zkey(r), ...some(r, member)],
  (r) => ['ZCARD', zkey(r)],
  (r) => [pick(r, ['ZRANK', 'ZREVRANK']), zkey(r), member(r)],
  (r) => ['ZCOUNT', zkey(r), bound(r), bound(r)],
  (r) => [pick(r, ['ZRANGE', 'ZREVRANGE']), zkey(r), index(r), index(r), ...withScores(r)],
  (r) => ['ZRANGE', zkey(r), index(r), index(r), ...pick(r, [['REV'], ['LIMIT', '1', '2'], ['REV', 'WITHSCORES']])],
  (r) => ['ZRANGE', zkey(r), bound(r), bound(r), 'BYSCORE', ...pick(r, [[], ['REV']]), ...limit(r), ...withScores(r)],
  (r) => [pick(r, ['ZRANGEBYSCORE', 'ZREVRANGEBYSCORE']), zkey(r), bound(r), bound(r), ...withScores(r), ...limit(r)],
  (r) => [
    'ZRANGESTORE',
    zkey(r),
    zkey(r),
    bound(r),
    bound(r),
    'BYSCORE',
    ...limit(r),
    ...pick(r, [[], ['WITHSCORES']]),
  ],
  (r) => ['ZRANGESTORE', zkey(r), zkey(r), index(r), index(r), ...pick(r, [[], ['REV']])],
  (r) => ['ZREMRANGEBYRANK', zkey(r), index(r), index(r)],
  (r) => ['ZREMRANGEBYSCORE', zkey(r), bound(r), bound(r)],
  (r) => [pick(r, ['ZPOPMIN', 'ZPOPMAX']), zkey(r), ...pick(r, [[], [count(r)], ['-1'], ['1', '2']])],
  (r) => [
    'ZMPOP',
    ...counted(r),
    pick(r, ['MIN', 'MAX', 'x']),
    ...pick(r, [[], ['COUNT', count(r)], ['COUNT'], ['x', '1']]),
  ],
  (r) => ['ZINTERCARD', ...counted(r), ...pick(r, [[], ['LIMIT', count(r)]])],
  (r) => [pick(r, ['ZUNION', 'ZINTER']), ...weighted(r), ...pick(r, [[], ['WITHSCORES']])],
  (r) => [pick(r, ['ZUNIONSTORE', 'ZINTERSTORE']), zkey(r), ...weighted(r)],
  (r) => ['ZDIFF', ...counted(r), ...withScores(r)],
  (r) => ['ZDIFFSTORE', zkey(r), ...counted(r)],
  (r) => ['ZRANDMEMBER', zkey(r), pick(r, ['0', 'x', '-9223372036854775808'])],
];

const lexical: Make[] = [
  (r) => [
    'ZADD',
    lexKey,
    ...some(r, () => '0', 4).flatMap((one) => [one, pick(r, ['a', 'b', 'c', 'd', 'dd', 'e', ''])]),
  ],
  (r) => ['ZREM', lexKey, pick(r, ['a', 'c', 'dd'])],
  (r) => ['ZLEXCOUNT', lexKey, lex(r), lex(r)],
  (r) => [pick(r, ['ZRANGEBYLEX', 'ZREVRANGEBYLEX']), lexKey, lex(r), lex(r), ...limit(r)],
  (r) => ['ZRANGE', lexKey, lex(r), lex(r), 'BYLEX', ...pick(r, [[], ['REV']]), ...limit(r)],
  (r) => ['ZRANGE', lexKey, lex(r), lex(r), 'BYLEX', 'WITHSCORES'],
  (r) => ['ZRANGESTORE', 'z3', lexKey, lex(r), lex(r), 'BYLEX'],
  (r) => ['ZREMRANGEBYLEX', lexKey, lex(r), lex(r)],
  (r) => ['ZLEXCOUNT', key(r), 'x', lex(r)],
];

const looseSortedSets: Loose[] = [
  ['unordered', (r) => ['ZSCAN', zkey(r), '0', 'COUNT', '1000', ...pick(r, [[], ['MATCH', '[xy]']])]],
  ['unordered', (r) => ['ZRANDMEMBER', zkey(r), '1000', ...withScores(r)]],
];

const lkey = (random: Random): string => pick(random, [key(random), 'l1', 'l2', 'l3']);
const element = (random: Random): string => pick(random, ['a', 'b', 'c', 'd', value(random)]);
const side = (random: Random): string => pick(random, ['LEFT', 'RIGHT', 'left', 'right', 'LEFT', 'x']);
const searchOptions = (random: Random): string[] => {
  const options: string[] = [];
  while (random.between(0, 2) === 0) {
    options.push(pick(random, ['RANK', 'COUNT', 'MAXLEN', 'RANK', 'COUNT', 'x']), count(random));
  }
  return options;
};

const lists: Make[] = [
  (r) => [pick(r, ['LPUSH', 'RPUSH']), lkey(r), ...some(r, element, 6)],
  (r) => [pick(r, ['LPUSH', 'RPUSH', 'LPUSHX', 'RPUSHX']), lkey(r), ...some(r, element, 6)],
  (r) => [pick(r, ['LPOP', 'RPOP']), lkey(r), ...pick(r, [[], [], [count(r)], ['1', '2']])],
  (r) => ['LLEN', lkey(r)],
  (r) => ['LRANGE', lkey(r), index(r), index(r)],
  (r) => ['LRANGE', lkey(r), '0', '-1'],
  (r) => ['LINDEX', lkey(r), index(r)],
  (r) => ['LSET', lkey(r), index(r), element(r)],
  (r) => ['LTRIM', lkey(r), index(r), index(r)],
  (r) => ['LREM', lkey(r), pick(r, ['0', '1', '-1', '2', '-2', 'x', '']), element(r)],
  (r) => ['LINSERT', lkey(r), pick(r, ['BEFORE', 'AFTER', 'before', 'after', 'x']), element(r), element(r)],
  (r) => ['LPOS', lkey(r), element(r), ...searchOptions(r)],
  (r) => ['LMOVE', lkey(r), lkey(r), side(r), side(r)],
  (r) => ['RPOPLPUSH', lkey(r), lkey(r)],
  (r) => ['LMPOP', ...counted(r), side(r), ...pick(r, [[], ['COUNT', count(r)], ['COUNT'], ['x', '1']])],
];

const sortOptions = (random: Random): string[] => {
  const options: string[] = [];
  while (random.between(0, 2) > 0) {
    options.push(
      ...pick(random, [
        ['ALPHA'],
        ['ALPHA'],
        ['DESC'],
        ['asc'],
        ['LIMIT', small(random), small(random)],
        ['GET', pick(random, ['#', 'key:*', 'h*->f', 'none', '*'])],
        [pick(random, ['x', 'GET', 'LIMIT'])],
      ]),
    );
  }
  return options;
};

/** Holds words without bytes that Redis' order by locale does not look at. */
const words = 'words';

/** By the text of other keys many elements are equal, and Redis leaves open how those are ordered. */
const isNotAlpha = (option: string): boolean => option !== 'ALPHA';

const sorts: Make[] = [
  (r) => ['RPUSH', lkey(r), ...some(r, small, 6)],
  (r) => ['RPUSH', words, ...some(r, () => pick(r, ['a', 'b', 'ab', '', 'z', '1', '10', '2']), 4)],
  () => ['LTRIM', words, '0', '20'],
  (r) => ['SORT', words, 'ALPHA', ...sortOptions(r)],
  (r) => ['SORT', lkey(r), 'BY', pick(r, ['key:*', 'h*->f', '*', 'h*->']), ...sortOptions(r).filter(isNotAlpha)],
  (r) => ['SORT', pick(r, [key(r), lkey(r), zkey(r), 's1']), ...sortOptions(r).filter(isNotAlpha)],
  (r) => ['SORT', pick(r, [lkey(r), zkey(r), 's1']), 'ALPHA', 'STORE', lkey(r), ...pick(r, [[], ['LIMIT', '1', '3']])],
  (r) => ['SORT', pick(r, [words, lkey(r)]), 'STORE', lkey(r), ...sortOptions(r).filter(isNotAlpha)],
  (r) => ['SORT', pick(r, ['z2', 'z3', 'l2']), 'BY', 'nosort', ...pick(r, [[], ['DESC'], ['LIMIT', '1', '2']])],
  (r) => ['SORT_RO', words, 'ALPHA', ...pick(r, [[], ['STORE', 'l1']])],
];

/** Only in transactions, where nothing waits. */
const blocking: Make[] = [
  (r) => [pick(r, ['BLPOP', 'BRPOP', 'BZPOPMIN', 'BZPOPMAX']), lkey(r), zkey(r), pick(r, ['0', '1', '-1', 'x'])],
  (r) => ['BLMOVE', lkey(r), lkey(r), side(r), side(r), '1'],
  (r) => ['BRPOPLPUSH', lkey(r), lkey(r), '1'],
  (r) => ['BLMPOP', '1', ...counted(r), side(r), ...pick(r, [[], ['COUNT', count(r)]])],
  (r) => ['BZMPOP', '1', ...counted(r), pick(r, ['MIN', 'MAX']), ...pick(r, [[], ['COUNT', count(r)]])],
];

/** Families of commands whose replies are compared byte for byte. */
export const collectionFamilies: readonly (readonly Make[])[] = [
  sets,
  sortedSets,
  sortedSets,
  lexical,
  lists,
  lists,
  sorts,
];
/** Those that stand in transactions only. */
export const blockingFamilies: readonly (readonly Make[])[] = [blocking];
/** Commands whose replies are compared loosely. */
export const looseCollections: readonly Loose[] = [...looseSets, ...looseSortedSets];
