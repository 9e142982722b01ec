/** Promises about Redis' own tools: redis-cli and redis-benchmark work with this server as with theirs. */
import { describe, expect, it } from 'vitest';
import { run } from '../support/program.ts';
import { openOwn } from './support/redis-servers.ts';
import { encode } from './support/resp-connection.ts';

describe('redis-cli', () => {
  it('loads by --pipe, walks by --scan and looks by --bigkeys', async () => {
    await using own = await openOwn('ring');
    const at = ['-p', String(own.port)];
    const input = Buffer.concat(Array.from({ length: 3000 }, (_, index) => encode(['SET', `k:${index}`, `v${index}`])));
    expect(String(await run('redis-cli', [...at, '--pipe'], input))).toContain('errors: 0, replies: 3000');
    const keys = String(await run('redis-cli', [...at, '--scan', '--pattern', 'k:*']));
    expect(new Set(keys.trim().split('\n')).size).toBe(3000);
    expect(String(await run('redis-cli', [...at, '--bigkeys']))).toContain('Sampled 3000 keys');
    expect(String(await run('redis-cli', [...at, '-3', 'CONFIG', 'GET', 'appendfsync']))).toContain('no');
  });
});

describe('redis-benchmark', () => {
  it('runs all tests of its own list, pipelined', async () => {
    await using own = await openOwn('ring');
    const args = ['-p', String(own.port), '-n', '600', '-c', '10', '-P', '8', '-q', '--csv'];
    const tests = String(await run('redis-benchmark', args))
      .split('\n')
      .flatMap((line) => /^"(\w+)[^"]*"/.exec(line)?.[1] ?? []);
    expect([...new Set(tests)].filter((name) => name !== 'test')).toEqual([
      'PING_INLINE',
      'PING_MBULK',
      'SET',
      'GET',
      'INCR',
      'LPUSH',
      'RPUSH',
      'LPOP',
      'RPOP',
      'SADD',
      'HSET',
      'SPOP',
      'ZADD',
      'ZPOPMIN',
      'LRANGE_100',
      'LRANGE_300',
      'LRANGE_500',
      'LRANGE_600',
      'MSET',
    ]);
  }, 60_000);
});
