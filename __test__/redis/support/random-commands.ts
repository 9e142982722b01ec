/**
 * Random commands over few keys, right and wrong ones, all drawn from one seed.
 *
 * To remember: what a reply depends on beside the commands (the clock, chance, addresses) is left out, or compared loosely
 * by its kind.
 */
import type { Random } from '../../support/random.ts';
import { key, pick, type RandomCommand, small, value } from './random-arguments.ts';
import { blockingFamilies, collectionFamilies, looseCollections } from './random-collections.ts';

/** Payloads of DUMP of redis-server 7.0, a character a byte: of a string, a list, a set of integers, a hash, a sorted set. */
const dumped: readonly string[] = [
  'AAVoZWxsbwoAY3LfdmU0IAo=',
  'AMEu+woAnasl8PdT6bY=',
  'AMMKQFACYWJh4EIBAWFiCgCUnV8Osd6kRQ==',
  'EgECwxpAWhJaAAAABACBYQIBAfJwEQEE4EZ44DwAAUj/CgAwgkg6DJzfzA==',
  'CxQEAAAAAwAAAPv///8BAAAAcBEBAAoAhqC7zzoi7SU=',
  'AgIBYQFiCgD+ZCEl6wM9DQ==',
  'EBQUAAAABACBZgIBAYFnAoN0d28E/woA4xh0K2Hbb98=',
  'ER0dAAAABgCBYgKELTEuNQWBYQIBAYFjAoNpbmYE/woA8RXCi7CyHGs=',
].map((payload) => Buffer.from(payload, 'base64').toString('latin1'));

type Make = (random: Random) => string[];

const count = (random: Random): string =>
  pick(random, [small(random), small(random), '9223372036854775807', '-9223372036854775808', 'abc', '']);
/** Far enough away that two clocks agree; or over already. */
const seconds = (random: Random): string =>
  pick(random, ['1000', '5000', '100000', '0', '-1', 'x', '9223372036854775807']);
const moments = (random: Random): string => pick(random, ['4000000000', '5000000000', '1', '0', '-5', 'x']);
const momentsMs = (random: Random): string => pick(random, ['4000000000000', '5000000000123', '1', '0', '-5']);
const some = (random: Random, make: (random: Random) => string, most = 3): string[] =>
  Array.from({ length: random.between(1, most) }, () => make(random));

const setOptions = (random: Random): string[] => {
  const options: string[] = [];
  while (random.between(0, 2) === 0) {
    options.push(
      ...pick(random, [
        ['NX'],
        ['XX'],
        ['GET'],
        ['KEEPTTL'],
        ['EX', seconds(random)],
        ['PX', pick(random, ['1000000', '0', '-1', 'x'])],
        ['EXAT', moments(random)],
        ['PXAT', momentsMs(random)],
        ['nonsense'],
      ]),
    );
  }
  return options;
};

const strings: Make[] = [
  (r) => ['GET', key(r)],
  (r) => ['SET', key(r), value(r)],
  (r) => ['SET', key(r), value(r), ...setOptions(r)],
  (r) => ['set', key(r), value(r), ...setOptions(r)],
  (r) => ['SETNX', key(r), value(r)],
  (r) => ['SETEX', key(r), seconds(r), value(r)],
  (r) => ['PSETEX', key(r), pick(r, ['1000000', '0', 'x']), value(r)],
  (r) => ['GETSET', key(r), value(r)],
  (r) => ['GETDEL', key(r)],
  (r) => ['GETEX', key(r), ...pick(r, [[], ['PERSIST'], ['EX', seconds(r)], ['PXAT', momentsMs(r)], ['EX'], ['NX']])],
  (r) => ['MGET', ...some(r, key)],
  (r) => ['MSET', ...some(r, (q) => key(q)).flatMap((k) => [k, value(r)])],
  (r) => ['MSETNX', ...some(r, (q) => key(q), 2).flatMap((k) => [k, value(r)])],
  (r) => ['MSET', key(r), value(r), key(r)],
  (r) => ['APPEND', key(r), value(r)],
  (r) => ['STRLEN', key(r)],
  (r) => ['GETRANGE', key(r), count(r), count(r)],
  (r) => ['SUBSTR', key(r), small(r), small(r)],
  (r) => ['SETRANGE', key(r), pick(r, [small(r), '100', 'x']), value(r)],
  (r) => ['INCR', key(r)],
  (r) => ['DECR', key(r)],
  (r) => ['INCRBY', key(r), count(r)],
  (r) => ['DECRBY', key(r), count(r)],
  (r) => ['INCRBYFLOAT', key(r), pick(r, ['0.1', '1.5', '-2.25', '3', '1e2', 'x', '', '0.000001'])],
  (r) => ['LCS', key(r), key(r), ...pick(r, [[], ['LEN'], ['IDX'], ['IDX', 'WITHMATCHLEN'], ['LEN', 'IDX'], ['x']])],
  (r) => ['GETBIT', key(r), pick(r, ['0', '7', '100', '-1', 'x', '4294967296'])],
  (r) => ['SETBIT', key(r), pick(r, ['0', '7', '100', '-1', 'x']), pick(r, ['0', '1', '2'])],
  (r) => ['BITPOS', key(r), pick(r, ['0', '1', '1', '0', '2', 'x'])],
  (r) => ['BITPOS', key(r), pick(r, ['0', '1']), count(r), ...pick(r, [[], [small(r)], [count(r)]])],
  (r) => ['BITPOS', key(r), pick(r, ['0', '1']), small(r), small(r), pick(r, ['BIT', 'byte', 'bit', 'x'])],
  (r) => [
    'BITCOUNT',
    key(r),
    ...pick(r, [[], [small(r), small(r)], [small(r), small(r), 'BIT'], [small(r)], ['0', '1', 'x']]),
  ],
];

const bitType = (r: Random): string =>
  pick(r, ['i8', 'u8', 'i1', 'u1', 'i5', 'u13', 'i64', 'u63', 'i33', 'u16', 'u64', 'i65', 'i0', 'x8', 'u', 'I8', '']);
const bitPlace = (r: Random): string => pick(r, ['0', '1', '7', '13', '100', '#0', '#1', '#3', '-1', '#-1', 'x', '#']);
const bitNumber = (r: Random): string => pick(r, [count(r), '1', '-1', '100', '-100', '255', '-129', '4294967296']);

/** Some operations of BITFIELD, right and wrong ones. */
const bitOperations = (r: Random): string[] =>
  Array.from({ length: r.between(0, 4) }, () =>
    pick(r, [
      ['GET', bitType(r), bitPlace(r)],
      ['get', pick(r, ['u8', 'i16', 'i64']), pick(r, ['0', '3', '#1'])],
      ['SET', pick(r, ['u8', 'i16', 'i64', 'i1']), pick(r, ['0', '3', '#1', '77']), bitNumber(r)],
      ['SET', bitType(r), bitPlace(r), bitNumber(r)],
      ['INCRBY', pick(r, ['u8', 'i16', 'i64', 'i1', 'u63']), pick(r, ['0', '3', '#1', '77']), bitNumber(r)],
      ['incrby', bitType(r), bitPlace(r), bitNumber(r)],
      ['OVERFLOW', pick(r, ['WRAP', 'SAT', 'FAIL', 'sat', 'fail', 'x'])],
      pick(r, [['GET', 'u8'], ['SET', 'u8', '0'], ['OVERFLOW'], ['x']]),
    ]),
  ).flat();

const bits: Make[] = [
  (r) => ['BITOP', pick(r, ['AND', 'OR', 'XOR', 'and', 'Or', 'x']), key(r), ...some(r, key)],
  (r) => ['BITOP', pick(r, ['NOT', 'not']), key(r), key(r)],
  (r) => ['BITOP', 'NOT', key(r), ...some(r, key)],
  (r) => ['BITOP', 'AND', key(r)],
  (r) => ['BITFIELD', key(r), ...bitOperations(r)],
  (r) => ['BITFIELD', key(r), 'OVERFLOW', pick(r, ['SAT', 'FAIL', 'WRAP']), ...bitOperations(r)],
  (r) => ['BITFIELD_RO', key(r), ...bitOperations(r)],
  (r) => ['BITFIELD_RO', key(r), 'GET', bitType(r), bitPlace(r)],
];

const generic: Make[] = [
  (r) => [pick(r, ['DEL', 'UNLINK']), ...some(r, key)],
  (r) => [pick(r, ['EXISTS', 'TOUCH']), ...some(r, key)],
  (r) => ['TYPE', key(r)],
  (r) => ['DUMP', `${key(r)}-none`],
  (r) => [
    'RESTORE',
    key(r),
    pick(r, ['0', '100000', '-1', 'x']),
    pick(r, [...dumped, ...dumped, 'short', `${dumped[0]}x`]),
    ...pick(r, [[], ['REPLACE'], ['REPLACE'], ['REPLACE', 'ABSTTL'], ['IDLETIME', '-1'], ['FREQ', '256'], ['x']]),
  ],
  (r) => ['WAIT', pick(r, ['0', '-1', 'x']), pick(r, ['0', '10', '-1', 'x'])],
  (r) => ['RENAME', key(r), key(r)],
  (r) => ['RENAMENX', key(r), key(r)],
  (r) => ['COPY', key(r), key(r), ...pick(r, [[], ['REPLACE'], ['DB', '3'], ['DB', '99'], ['x']])],
  (r) => ['MOVE', key(r), pick(r, ['0', '3', '99', 'x'])],
  (r) => [
    pick(r, ['EXPIRE', 'expire']),
    key(r),
    seconds(r),
    ...pick(r, [[], ['NX'], ['XX'], ['GT'], ['LT'], ['NX', 'XX'], ['GT', 'LT'], ['Q']]),
  ],
  (r) => ['PEXPIRE', key(r), pick(r, ['1000000', '0', '-1', '9223372036854775807'])],
  (r) => ['EXPIREAT', key(r), moments(r), ...pick(r, [[], ['NX'], ['GT'], ['LT']])],
  (r) => ['PEXPIREAT', key(r), momentsMs(r)],
  (r) => ['PERSIST', key(r)],
  (r) => ['SELECT', pick(r, ['0', '0', '0', '3', '16', '-1', 'x'])],
  (r) => ['OBJECT', 'REFCOUNT', `${key(r)}-none`],
  (r) => ['OBJECT', 'FREQ', key(r)],
  () => ['OBJECT', 'NONSENSE', 'a'],
];

const others: Make[] = [
  () => ['PING'],
  (r) => ['PING', value(r)],
  () => ['PING', 'a', 'b'],
  (r) => ['ECHO', value(r)],
  () => ['NOSUCH', 'a', 'b'],
  (r) => ['nosuch', value(r), 'x'.repeat(r.between(0, 200))],
  () => ['GET'],
  () => ['SET', 'a'],
  () => ['CONFIG', 'SET', 'a'],
  () => ['CONFIG', 'GET'],
  () => ['CONFIG', 'GET', 'no-such-*'],
  () => ['CONFIG', 'NONSENSE'],
  () => ['CLIENT', 'GETNAME'],
  (r) => ['CLIENT', 'SETNAME', pick(r, ['me', 'a b', ''])],
  () => ['CLIENT', 'KILL', '1.2.3.4:5'],
  () => ['COMMAND', 'GETKEYS', 'MSET', 'a', 'b', 'c', 'd'],
  () => ['COMMAND', 'GETKEYS', 'PING'],
  () => ['EVALSHA', '0'.repeat(40), '0'],
  () => ['DISCARD'],
  () => ['MULTI'],
  (r) => ['WATCH', ...some(r, key)],
  () => ['UNWATCH'],
  (r) => ['PUBLISH', 'channel', value(r)],
  () => ['PUBSUB', 'NUMPAT'],
  () => ['PUBSUB', 'NUMSUB', 'a', 'b'],
  () => ['AUTH', 'x'],
  (r) => ['AUTH', pick(r, ['default', 'default', 'nobody']), 'x'],
  (r) => ['ACL', pick(r, ['WHOAMI', 'LIST', 'USERS', 'NONSENSE'])],
  (r) => ['ACL', 'GETUSER', pick(r, ['default', 'nobody'])],
  () => ['ACL', 'CAT', 'nonsense'],
  () => ['ACL'],
  (r) => ['CLIENT', 'NO-EVICT', pick(r, ['on', 'OFF', 'x'])],
  (r) => ['OBJECT', pick(r, ['ENCODING', 'FREQ', 'IDLETIME']), `${key(r)}-none`],
  () => ['ROLE'],
  () => ['ROLE', 'x'],
  () => ['LASTSAVE', 'x'],
  () => ['SLOWLOG', 'NONSENSE'],
  () => ['FLUSHDB', 'x'],
  () => ['OBJECT', 'FREQ'],
  (r) => ['SCAN', '0', ...pick(r, [['MATCH'], ['COUNT', '0'], ['COUNT', 'x'], ['x', 'y']])],
  () => ['SCAN', 'x'],
];

const field = (random: Random): string => pick(random, ['f', 'g', '', 'n', 'longer field']);

const hashes: Make[] = [
  (r) => ['HSET', key(r), ...some(r, field).flatMap((name) => [name, value(r)])],
  (r) => ['HSET', key(r), field(r), value(r), field(r)],
  (r) => ['HMSET', key(r), field(r), value(r)],
  (r) => ['HSETNX', key(r), field(r), value(r)],
  (r) => ['HDEL', key(r), ...some(r, field)],
  (r) => ['HINCRBY', key(r), field(r), count(r)],
  (r) => ['HINCRBYFLOAT', key(r), field(r), pick(r, ['0.1', '1.5', '3', 'x'])],
  (r) => ['HGET', key(r), field(r)],
  (r) => ['HMGET', key(r), ...some(r, field)],
  (r) => [pick(r, ['HLEN', 'HGETALL']), `${key(r)}-none`],
  (r) => ['HLEN', key(r)],
  (r) => ['HEXISTS', key(r), field(r)],
  (r) => ['HSTRLEN', key(r), field(r)],
  (r) => ['HSET', key(r)],
];

const unordered: Make[] = [
  (r) => [pick(r, ['HGETALL', 'HKEYS', 'HVALS']), key(r)],
  (r) => ['HSCAN', key(r), '0', 'COUNT', '1000'],
  () => ['EXEC'],
  (r) => ['KEYS', pick(r, ['*', 'a', 'key:*', '[ab]', '?', '[^a]*', 'h\\1', ''])],
  (r) => [
    'SCAN',
    '0',
    'COUNT',
    '1000',
    ...pick(r, [[], ['MATCH', '*'], ['TYPE', 'string'], ['TYPE', 'hash'], ['TYPE', 'set']]),
  ],
];

const near: Make[] = [(r) => [pick(r, ['TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME']), key(r)]];

/** Families of commands whose replies are compared byte for byte. */
const families: readonly (readonly Make[])[] = [strings, bits, generic, hashes, others, ...collectionFamilies];
/** Those that may stand in a transaction. */
const quiet: readonly (readonly Make[])[] = [strings, bits, hashes, ...collectionFamilies, ...blockingFamilies];

/** A transaction, with commands in it that may be wrong. */
function transaction(random: Random): RandomCommand[] {
  const inside = Array.from({ length: random.between(0, 5) }, () => pick(random, pick(random, quiet))(random));
  const all = [['MULTI'], ...inside, [pick(random, ['EXEC', 'EXEC', 'EXEC', 'DISCARD'])]];
  return all.map((args) => ({ args, comparison: args[0] === 'EXEC' ? 'unordered' : 'bytes' }));
}

/** The next commands: one, or a transaction. */
export function nextCommands(random: Random): RandomCommand[] {
  const draw = random.between(0, 99);
  if (draw < 4) return transaction(random);
  if (draw < 7) return [{ args: pick(random, unordered)(random), comparison: 'unordered' }];
  if (draw < 10) return [{ args: pick(random, near)(random), comparison: 'near' }];
  if (draw < 11) return [{ args: [pick(random, ['FLUSHDB', 'FLUSHALL'])], comparison: 'bytes' }];
  if (draw < 18) {
    const [comparison, make] = pick(random, looseCollections);
    return [{ args: make(random), comparison }];
  }
  const family = draw < 25 ? others : pick(random, families);
  return [{ args: pick(random, family)(random), comparison: 'bytes' }];
}
