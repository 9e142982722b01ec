/** Promises of serve's settings: where a value comes from, and that nothing wrong is let through. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliError, ExitCode } from '../../ts/cli/exit.ts';
import { decideServe, type ServeFlags, type SettingsTable } from '../../ts/cli/serve-settings.ts';
import { takeEngineSettings } from '../../ts/engine-settings.ts';
import { settingsTable } from '../../ts/serve.ts';

const table: SettingsTable = {
  names: [
    'log.retention.ms',
    'num.partitions',
    'listeners',
    'log.dirs',
    'log.flush.interval.messages',
    'log.flush.interval.ms',
    'min.durability',
  ],
  problem: (name, value) =>
    name === 'num.partitions' && !/^\d+$/.test(value) ? `${name} must be a whole number` : undefined,
};
const decide = (flags: ServeFlags, env: NodeJS.ProcessEnv = {}) => decideServe(flags, env, table);

let folder = '';
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-settings-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('serve settings', () => {
  it('are loopback, durable and automatic when nothing is given', () => {
    expect(decide({})).toEqual({
      kafka: { host: '127.0.0.1', port: 9092 },
      redisSettings: {},
      advertised: undefined,
      consoleWrite: false,
      dir: './millrace-data',
      flush: 'always',
      durability: undefined,
      driver: 'auto',
      sockets: 'auto',
      settings: new Map(),
      notes: [],
    });
  });

  it('the mode for trying out flushes nothing by itself, and goes behind everything that is given', () => {
    const names = ['group.initial.rebalance.delay.ms', 'memory.bytes'];
    const dev = (flags: ServeFlags) =>
      decideServe({ mode: 'dev', ...flags }, {}, { ...table, names: [...table.names, ...names] });
    expect(dev({})).toMatchObject({ flush: 'os', durability: undefined });
    expect(Object.fromEntries(dev({}).settings)).toEqual({
      'group.initial.rebalance.delay.ms': '0',
      'memory.bytes': '64mb',
    });
    expect(dev({ flush: 'always' }).flush).toBe('always');
    expect(dev({ config: file('dev.properties', 'log.flush.interval.messages=1\n') }).flush).toBe('always');
    expect(dev({ X: new Map([['memory.bytes', '1gb']]) }).settings.get('memory.bytes')).toBe('1gb');
    expect(decide({ mode: 'prod' })).toEqual(decide({}));
  });

  it('what Redis is given is checked before anything is opened', () => {
    const given = decide({ redisMaxmemory: '2gb', redisMaxmemoryPolicy: 'allkeys-lru' }).redisSettings;
    expect(given).toEqual({ maxmemory: '2gb', 'maxmemory-policy': 'allkeys-lru' });
    expect(() => decide({ redisMaxmemory: 'much' })).toThrow("maxmemory of Redis cannot be 'much'");
  });

  it('a flag goes before the environment, that before the file, that before the default', () => {
    const config = file('order.properties', '# note\nnum.partitions = 3\nlog.retention.ms=1\n');
    const env = { MILLRACE_NUM_PARTITIONS: '5' };
    expect(decide({ config }).settings.get('num.partitions')).toBe('3');
    expect(decide({ config }, env).settings.get('num.partitions')).toBe('5');
    expect(decide({ config, X: new Map([['num.partitions', '7']]) }, env).settings).toEqual(
      new Map([
        ['num.partitions', '7'],
        ['log.retention.ms', '1'],
      ]),
    );
  });

  it('a JSON file may nest its sections', () => {
    const config = file('nested.json', JSON.stringify({ log: { retention: { ms: 5 }, dirs: '/data' }, flush: 'os' }));
    expect(decide({ config })).toMatchObject({
      dir: '/data',
      flush: 'os',
      settings: new Map([['log.retention.ms', '5']]),
    });
  });

  it.each<[ReadonlyMap<string, string>, unknown]>([
    [new Map([['log.flush.interval.messages', '1']]), 'always'],
    [
      new Map([
        ['log.flush.interval.messages', '100'],
        ['log.flush.interval.ms', '50'],
      ]),
      { records: 100, intervalMs: 50 },
    ],
    [new Map([['log.flush.interval.ms', '50']]), { intervalMs: 50 }],
    [new Map([['log.flush.interval.messages', '9223372036854775807']]), 'os'],
  ])('Kafka’s flush settings %o are the policy %o', (X, flush) => {
    expect(decide({ X }).flush).toEqual(flush);
  });

  it('a listener of Kafka is an address', () => {
    expect(decide({ X: new Map([['listeners', 'PLAINTEXT://0.0.0.0:19092']]) }).kafka).toEqual({
      host: '0.0.0.0',
      port: 19092,
    });
    expect(() => decide({ X: new Map([['listeners', 'SSL://0.0.0.0:1,PLAINTEXT://0.0.0.0:2']]) })).toThrow(CliError);
  });

  it('the engine’s options are settings too, and --memory goes before all of them', () => {
    const real = (flags: ServeFlags, env: NodeJS.ProcessEnv = {}) => decideServe(flags, env, settingsTable);
    const config = file('engine.json', JSON.stringify({ memory: { bytes: '64mb' }, journal: { files: 6 } }));
    expect(real({ config }).settings).toEqual(
      new Map([
        ['memory.bytes', '64mb'],
        ['journal.files', '6'],
      ]),
    );
    expect(real({ config }, { MILLRACE_MEMORY_BYTES: '96mb' }).settings.get('memory.bytes')).toBe('96mb');
    expect(real({ config, memory: '128mb' }, { MILLRACE_MEMORY_BYTES: '96mb' }).settings.get('memory.bytes')).toBe(
      '128mb',
    );
    expect(takeEngineSettings({ 'memory.bytes': '64mb', journalFiles: 6, 'num.partitions': 3 })).toEqual({
      engine: { memoryBytes: '64mb', journalFiles: 6 },
      rest: { 'num.partitions': 3 },
    });
  });

  it.each([
    ['memory.bytes', '1mb', /memoryBytes must lie between/],
    ['memory.bytes', 'much', /memoryBytes: much is not understood/],
    ['journal.files', 'two', /journalFiles must lie between 3 and 64/],
    ['journal.files', '', /journalFiles must lie between 3 and 64/],
    ['own.segment.bytes', '1', /ownSegmentBytes must lie between/],
  ])('the engine’s setting %s=%s is refused with its limits', (name, value, reason) => {
    expect(() => decideServe({ X: new Map([[name, value]]) }, {}, settingsTable)).toThrow(reason);
  });

  it('an unknown name is refused with the nearest one', () => {
    expect(() => decide({ X: new Map([['log.retension.ms', '1']]) })).toThrow(/did you mean log\.retention\.ms\?/);
    expect(() => decide({ X: new Map([['quite.another.thing.altogether', '1']]) })).toThrow(/there is no setting/);
  });

  it('a bad value, a bad policy and a bad driver are refused', () => {
    expect(() => decide({ X: new Map([['num.partitions', 'many']]) })).toThrow(/num.partitions must be a whole number/);
    expect(() => decide({ flush: 'sometimes' })).toThrow(/sometimes/);
    expect(() => decide({ X: new Map([['driver', 'steam']]) })).toThrow(/steam/);
    expect(() => decide({ X: new Map([['durability', 'maybe']]) })).toThrow(/maybe/);
  });

  it('a settings file that is missing or malformed is refused with its place', () => {
    expect(() => decide({ config: join(folder, 'none.json') })).toThrow(
      expect.objectContaining({ exitCode: ExitCode.notFound }),
    );
    expect(() => decide({ config: file('bad.json', '{"a":') })).toThrow(/bad\.json/);
    expect(() => decide({ config: file('list.json', '{"num":{"partitions":[1]}}') })).toThrow(/num\.partitions/);
    expect(() => decide({ config: file('bad.properties', 'a=1\nnonsense\n') })).toThrow(/line 2/);
  });
});
