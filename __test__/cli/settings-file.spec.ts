/** Promises of settings files: what YAML and redis.conf come to, and that every error names file, line and setting. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliError } from '../../ts/cli/exit.ts';
import { decideServe } from '../../ts/cli/serve-settings.ts';
import { readSettingsFile, SETTINGS_FILE_MAX } from '../../ts/cli/settings-file.ts';
import { settingsTable } from '../../ts/serve.ts';
import { scratch } from '../support/scratch.ts';
import { commandLine } from '../support/server.ts';

let folder: ReturnType<typeof scratch>;
beforeAll(() => {
  folder = scratch('settings-file');
});
afterAll(() => folder[Symbol.dispose]());

const file = (name: string, text: string | Uint8Array): string => {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
};
const decide = (config: string, env: NodeJS.ProcessEnv = {}) => decideServe({ config }, env, settingsTable);
/** The settings of a file, without their places. */
const values = (path: string) =>
  Object.fromEntries([...readSettingsFile(path).settings].map(([name, { value }]) => [name, value]));
/** What a file is refused with, its folder taken out. */
const refusal = (path: string): string => {
  try {
    decide(path);
  } catch (error) {
    if (error instanceof CliError) return error.message.replaceAll(`${folder.path}/`, '');
    throw error;
  }
  return 'taken';
};

describe('a YAML settings file', () => {
  it('has nested sections, dotted names, and values as they are written', () => {
    const path = file(
      'whole.yaml',
      [
        '# a server',
        'dir: /data',
        'flush: {interval: 1}',
        'kafka: "127.0.0.1:0"',
        'log:',
        '  retention.ms: 9223372036854775807',
        '  cleaner: { enable: False }',
        'num.partitions: &n 3',
        'redis:',
        '  port: 6380',
        '  maxmemory: 2gb',
        '',
      ].join('\n'),
    );
    expect(values(path)).toEqual({
      dir: '/data',
      'flush.interval': '1',
      kafka: '127.0.0.1:0',
      'log.retention.ms': '9223372036854775807',
      'log.cleaner.enable': 'false',
      'num.partitions': '3',
      'redis.port': '6380',
      'redis.maxmemory': '2gb',
    });
    expect(refusal(path)).toBe("whole.yaml, line 3: there is no setting 'flush.interval': take it out");
    const good = file('good.yml', 'log:\n  retention:\n    ms: 5\n  dirs: /data\nflush: os\nredis:\n  port: 6380\n');
    expect(decide(good)).toMatchObject({
      dir: '/data',
      flush: 'os',
      redis: { host: '127.0.0.1', port: 6380 },
      settings: new Map([['log.retention.ms', '5']]),
    });
    expect(values(file('empty.yaml', '# nothing\n'))).toEqual({});
  });

  it.each([
    ['a value that cannot be', 'log:\n  retention:\n    ms: soon\n', /^bad\.yaml, line 3: .*log\.retention\.ms/],
    ['a name that is nearly one', '\nlog.retension.ms: 1\n', /^bad\.yaml, line 2: .*did you mean log\.retention\.ms\?/],
    ['a policy that is none', 'flush: sometimes\n', /^bad\.yaml, line 1: .*sometimes/],
    ['a driver that is none', 'dir: x\ndriver: steam\n', /^bad\.yaml, line 2: driver must be auto, ring or pool/],
    [
      'an address that is none',
      'kafka: 12:34:56\n',
      /^bad\.yaml, line 1: kafka: '12:34:56' is not understood: give HOST:PORT/,
    ],
    [
      'a setting of Redis that cannot be',
      'redis:\n  maxmemory: much\n',
      /^bad\.yaml, line 2: maxmemory of Redis cannot be 'much'/,
    ],
    [
      'a name given twice',
      'dir: a\nlog.dirs: b\ndir: c\n',
      /line 3: dir is set a second time, first at .*line 1: keep one/,
    ],
    [
      'sections that come to one name',
      'log: {retention.ms: 1}\nlog.retention.ms: 2\n',
      /line 2: log\.retention\.ms is set a second time/,
    ],
    ['no value', 'dir:\nflush: os\n', /line 1: dir has no value: give one, or leave it out/],
    ['a list', 'dir: x\nsuper.users: [a, b]\n', /line 2: super\.users is a list: write it as text/],
    ['an alias', 'a: &x 1\ndir: *x\n', /line 2: dir is an alias: write the value itself/],
    ['sections to merge', 'a: &x {b: 1}\n<<: *x\n', /line 2: sections are not merged/],
    ['a tag', 'dir: !!js/function "x"\n', /line 1: tags .* are not understood/],
    ['a name that is no text', '? {a: 1}\n: 2\n', /line 1: a name has to be text/],
    ['a second document', 'dir: a\n---\ndir: b\n', /there is a second document/],
    ['text', 'just text\n', /line 1: the file has to be sections of NAME: VALUE/],
    ['what is not YAML', 'dir: a\nlog: [\n', /^bad\.yaml, line 3: it is not YAML: /],
    ['sections in sections without end', `${'{a: '.repeat(1000)}`, /it is not YAML: nesting exceeded/],
  ])('with %s is refused with its line and what to do', (_what, text, reason) => {
    expect(refusal(file('bad.yaml', text))).toMatch(reason);
  });

  it('that would be a billion values by its aliases is refused where the first alias stands', () => {
    const bomb = [
      'a0: &a0 {x: 1}',
      ...Array.from({ length: 60 }, (_, i) => `a${i + 1}: &a${i + 1} {x: *a${i}, y: *a${i}}`),
    ];
    expect(refusal(file('bomb.yaml', bomb.join('\n')))).toBe(
      'bomb.yaml, line 2: a1.x is an alias: write the value itself',
    );
  });
});

describe('any settings file', () => {
  it.each(['yaml', 'json', 'conf', 'properties'])(
    '.%s that is long, binary or garbage is refused, and nothing else is thrown',
    (ending) => {
      const garbage = 'x'.repeat(SETTINGS_FILE_MAX);
      expect(refusal(file(`long.${ending}`, `${garbage}x`))).toMatch(/^long\.\w+: it is longer than 1048576 bytes/);
      expect(refusal(file(`one.${ending}`, garbage)).length).toBeLessThan(300);
      expect(refusal(file(`binary.${ending}`, Buffer.from([0x64, 0xff, 0xfe])))).toMatch(/no text in UTF-8/);
      const rows = '"\' {[:= \n'.repeat(SETTINGS_FILE_MAX / 10);
      expect(refusal(file(`rows.${ending}`, rows))).toMatch(/line \d+/);
      const words = fc.stringMatching(/^[a-c:{}[\]&*!|>'"# \n\t\\=,.?<%@-]{0,60}$/);
      fc.assert(
        fc.property(words, (text) => {
          refusal(file(`fuzzed.${ending}`, text));
        }),
        { seed: 7, numRuns: 60 },
      );
    },
  );

  it('that is a device without an end is read no further than a file may be long', () => {
    expect(() => readSettingsFile('/dev/zero')).toThrow(/longer than/);
  });

  it('in JSON says the line too, and takes no name twice', () => {
    expect(refusal(file('a.json', '{\n "dir": "x",\n "flush": }\n'))).toMatch(/^a\.json(, line 3)?: it is not JSON/);
    expect(refusal(file('b.json', '{\n "dir": "x",\n "dir": "y"\n}'))).toMatch(
      /^b\.json, line 3: dir is set a second time/,
    );
    expect(refusal(file('c.json', '{\n "log": {\n\t"retention.ms": "soon"}}'))).toMatch(/^c\.json, line 3: /);
  });
});

describe('a redis.conf', () => {
  const stock = [
    '# Redis configuration file example.',
    'bind 127.0.0.1 -::1',
    'protected-mode yes',
    'port 6390',
    'tcp-backlog 511',
    'timeout 0',
    'tcp-keepalive 300',
    'daemonize no',
    'loglevel notice',
    'logfile ""',
    'databases 16',
    'save 3600 1 300 100',
    'dir ./here',
    'requirepass "a \\x41 \\"pass\\""',
    'appendonly no',
    'appendfsync everysec',
    'maxmemory 100mb',
    'MaxMemory-Policy allkeys-lru',
    'hash-max-listpack-entries 128',
    'client-output-buffer-limit normal 0 0 0',
  ].join('\r\n');

  it('is what Redis would be started with: address, password, policy, memory and directory', () => {
    const path = file('redis.conf', stock);
    expect(decide(path)).toMatchObject({
      redis: { host: '127.0.0.1', port: 6390 },
      redisPassword: 'a A "pass"',
      redisSettings: {
        maxmemory: '100mb',
        'maxmemory-policy': 'allkeys-lru',
        timeout: '0',
        'tcp-keepalive': '300',
        loglevel: 'notice',
        'hash-max-listpack-entries': '128',
      },
      flush: { intervalMs: 1000 },
      dir: 'here/millrace-data',
    });
    expect(decide(path, { MILLRACE_REDIS_PASSWORD: 'other' }).redisPassword).toBe('other');
    expect(decideServe({ config: path, flush: 'always' }, {}, settingsTable).flush).toBe('always');
  });

  it('tells what of it changes nothing, and never the password', () => {
    const { notes } = decide(file('redis.conf', stock));
    expect(notes).toEqual([
      expect.stringMatching(/redis\.conf, line 5: tcp-backlog changes nothing here$/),
      expect.stringMatching(/line 8: daemonize changes nothing here$/),
      expect.stringMatching(/line 10: logfile changes nothing here$/),
      expect.stringMatching(/line 20: client-output-buffer-limit changes nothing here$/),
      expect.stringMatching(/^save: there are no snapshots/),
      expect.stringMatching(/^appendonly no: every write is kept/),
    ]);
    const { CI: _ci, ...env } = process.env;
    const args = [commandLine, 'serve', '--check-config', '--config', file('redis.conf', stock)];
    const output = execFileSync(process.execPath, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
    expect(output).toContain('redis=127.0.0.1:6390\n');
    expect(output).toContain('flush=interval=1000ms\n');
    expect(output).not.toContain('pass');
  });

  it.each([
    ['always', 'always'],
    ['everysec', { intervalMs: 1000 }],
    ['no', 'os'],
  ])('with appendfsync %s has the policy %o', (word, flush) => {
    expect(decide(file('policy.conf', `appendfsync ${word}\n`)).flush).toEqual(flush);
  });

  it('includes others, relative to itself, and the last value wins', () => {
    mkdirSync(join(folder.path, 'more'), { recursive: true });
    file('more/inner.conf', 'port 7002\ninclude innermost.conf\n');
    file('more/innermost.conf', 'maxmemory 3gb\n');
    const path = file('outer.conf', 'port 7001\nmaxmemory 1gb\ninclude "more/inner.conf"\n');
    expect(decide(path)).toMatchObject({ redis: { port: 7002 }, redisSettings: { maxmemory: '3gb' } });
    file('more/innermost.conf', '\nmaxmemory 3 gb\n');
    expect(refusal(path)).toMatch(/^more\/innermost\.conf, line 2: maxmemory of Redis cannot be/);
    expect(refusal(file('self.conf', 'port 1\ninclude self.conf\n'))).toMatch(/^self\.conf, line 2: .*includes itself/);
    const many = file('many.conf', 'include leaf.conf\n'.repeat(40));
    file('leaf.conf', 'timeout 0\n');
    expect(refusal(many)).toMatch(/^many\.conf, line 32: .*more than 32 files/);
    expect(() => decide(file('lost.conf', 'include nowhere.conf\n'))).toThrow(/nowhere\.conf: ENOENT/);
  });

  it.each([
    ['prot 6379', /^bad\.conf, line 2: Redis has no directive 'prot'; did you mean port\?/],
    ['port 99999', /^bad\.conf, line 2: port of Redis cannot be '99999': give a number/],
    ['databases 64', /^bad\.conf, line 2: databases of Redis cannot be '64': there are 16/],
    ['maxmemory-policy sometimes', /^bad\.conf, line 2: maxmemory-policy of Redis cannot be/],
    ['appendfsync hourly', /^bad\.conf, line 2: appendfsync of Redis cannot be 'hourly'/],
    ['bind 10.0.0.1 10.0.0.2', /^bad\.conf, line 2: bind of Redis cannot be .*give one address/],
    ['replicaof 10.0.0.1 6379', /^bad\.conf, line 2: replicaof: there are no replicas: take it out/],
    ['unixsocket /run/redis.sock', /^bad\.conf, line 2: unixsocket: there are no Unix sockets/],
    ['rename-command FLUSHALL ""', /^bad\.conf, line 2: rename-command/],
    ['daemonize yes', /^bad\.conf, line 2: daemonize: it stays in the foreground/],
    ['requirepass "half', /^bad\.conf, line 2: quotes are not closed/],
    ['timeout', /^bad\.conf, line 2: timeout has no value/],
  ])('with %s is refused with its line and what to do', (line, reason) => {
    expect(refusal(file('bad.conf', `# one\n${line}\n`))).toMatch(reason);
  });

  it('gives its password by a file or the environment only, never by an argument that others can see', () => {
    expect(() => decideServe({ X: new Map([['redis.requirepass', 'x']]) }, {}, settingsTable)).toThrow(
      /others see what stands in a command/,
    );
  });
});
