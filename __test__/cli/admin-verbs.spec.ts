/** Promises of group, cluster and the verbs that change topics, against a running server. Needs the built command line. */
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ExitCode } from '../../ts/cli/exit.ts';
import { runCommandLine } from '../../ts/cli/main.ts';
import { scratch } from '../support/scratch.ts';
import { type Server, startServer } from '../support/server.ts';

vi.setConfig({ testTimeout: 60_000 });

let folder: ReturnType<typeof scratch>;
let server: Server;
beforeAll(async () => {
  folder = scratch('admin-verbs');
  server = await startServer({ directory: join(folder.path, 'data') });
});
afterAll(async () => {
  expect(server.running(), server.output()).toBe(true);
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Runs a verb in this process, with the server's address put behind its name. */
async function millrace(argv: readonly string[], input = ''): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const sink = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        done();
      },
    });
  const stdin = input === '' ? new PassThrough().end() : Readable.from([Buffer.from(input)]);
  const terminal = { stdin, stdout: sink('out'), stderr: sink('err') };
  const code = await runCommandLine([...argv, '--brokers', server.address], terminal);
  return { code, ...text };
}

async function json(...argv: string[]) {
  const result = await millrace([...argv, '--format', 'json']);
  expect(result.err).toBe('');
  return JSON.parse(result.out);
}

let names = 0;
/** A topic of two partitions with `records` records in partition 0. */
async function filledTopic(records: number): Promise<string> {
  const name = `admin-${++names}`;
  expect((await millrace(['topic', 'create', name, '-p', '2'])).code).toBe(ExitCode.ok);
  const lines = Array.from({ length: records }, (_, index) => `${index}\n`).join('');
  expect((await millrace(['produce', name, '-p', '0'], lines)).code).toBe(ExitCode.ok);
  return name;
}

/** A group that has read `topic` to its end and has nobody in it any more. */
async function groupOf(topic: string): Promise<string> {
  const group = `${topic}-readers`;
  expect((await millrace(['consume', topic, '-g', group, '-e'])).code).toBe(ExitCode.ok);
  return group;
}

const partitionsOf = async (topic: string) => (await json('topic', 'describe', topic, '-p')).partitions;
const offsetsOf = async (group: string) => (await json('group', 'describe', group)).offsets;

describe('cluster info', () => {
  it('says cluster id, brokers, topics and partitions', async () => {
    const before = await json('cluster', 'info');
    await filledTopic(1);
    const after = await json('cluster', 'info');
    expect(after).toMatchObject({ clusterId: before.clusterId, topics: before.topics + 1 });
    expect(after.partitions).toBe(before.partitions + 2);
    expect(after.brokers).toEqual([{ id: 1, host: '127.0.0.1', port: server.port }]);
    expect((await millrace(['cluster', 'info'])).out).toMatch(/^CLUSTER +CONTROLLER +TOPICS +PARTITIONS\n/);
  });
});

describe('topic', () => {
  it('gets more partitions; one that is not there is named and ends with 3', async () => {
    const topic = await filledTopic(1);
    expect(await millrace(['topic', 'add-partitions', topic, '-n', '3', '--dry'])).toMatchObject({ code: ExitCode.ok });
    expect(await partitionsOf(topic)).toHaveLength(2);
    const grown = await millrace(['topic', 'add-partitions', topic, 'no-such-topic', '-n', '3']);
    expect(grown.code).toBe(ExitCode.notFound);
    expect(grown.out).toMatch(/no-such-topic +UNKNOWN_TOPIC_OR_PARTITION\n/);
    expect(await partitionsOf(topic)).toHaveLength(5);
  });

  it('shows what its partitions occupy, and names the one that is not there', async () => {
    const topic = await filledTopic(20);
    const { directories, partitions } = await json('topic', 'storage', topic);
    expect(directories).toEqual([
      { directory: join(folder.path, 'data'), totalBytes: expect.any(Number), usableBytes: expect.any(Number) },
    ]);
    expect(directories[0].totalBytes).toBeGreaterThan(directories[0].usableBytes);
    expect(partitions).toEqual([
      { topic, partition: 0, bytes: expect.any(Number), directory: directories[0].directory },
      { topic, partition: 1, bytes: 0, directory: directories[0].directory },
    ]);
    expect(partitions[0].bytes).toBeGreaterThan(20);
    expect((await json('topic', 'storage')).partitions).toEqual(expect.arrayContaining(partitions));
    const some = await millrace(['topic', 'storage', topic, 'no-such-topic']);
    expect(some).toMatchObject({
      code: ExitCode.notFound,
      err: 'millrace: no-such-topic: UNKNOWN_TOPIC_OR_PARTITION\n',
    });
    expect(some.out).toMatch(new RegExp(`^TOPIC +PARTITION +BYTES\\n${topic} +0 +`, 'm'));
  });

  it('gets settings and loses them again; a bad one changes nothing and ends with 2', async () => {
    const topic = await filledTopic(1);
    const retention = async () => {
      const { configs } = await json('topic', 'describe', topic, '-c');
      return configs.find((one: { key: string }) => one.key === 'retention.ms');
    };
    const initial = await retention();
    expect((await millrace(['topic', 'alter-config', topic, '--set', 'retention.ms=1234'])).code).toBe(ExitCode.ok);
    expect(await retention()).toEqual({ key: 'retention.ms', value: '1234', source: 'DYNAMIC_TOPIC_CONFIG' });
    const bad = await millrace(['topic', 'alter', topic, '--set', 'retention.ms=5', '--set', 'no.such.setting=1']);
    expect(bad.code).toBe(ExitCode.usage);
    expect((await retention()).value).toBe('1234');
    expect((await millrace(['topic', 'alter', topic, '-d', 'retention.ms'])).code).toBe(ExitCode.ok);
    expect(await retention()).toEqual(initial);
    expect((await millrace(['topic', 'alter', topic])).code).toBe(ExitCode.usage);
  });

  it('is trimmed only where it was asked for, and not without consent', async () => {
    const topic = await filledTopic(5);
    const refused = await millrace(['topic', 'trim-prefix', topic, '-o', '3', '-p', '0']);
    expect(refused).toMatchObject({ code: ExitCode.usage, out: '' });
    expect(refused.err).toContain('partitions 0 before 3');
    expect((await partitionsOf(topic))[0].logStart).toBe(0);
    const trimmed = await json('topic', 'trim-prefix', topic, '-o', '3', '-p', '0', '--yes');
    expect(trimmed).toEqual([{ partition: 0, logStart: 3, errorCode: 0 }]);
    expect((await partitionsOf(topic)).map((one: { logStart: number }) => one.logStart)).toEqual([3, 0]);
    expect((await millrace(['consume', topic, '-e', '-f', '%v '])).out).toBe('3 4 ');
  });
});

describe('the server', () => {
  it('has settings altered while it runs, and takes none that a start would be needed for', async () => {
    const { brokers } = await json('cluster', 'info');
    const id = String(brokers[0].id);
    const retention = async () => {
      const { configs } = await json('topic', 'describe', topic, '-c');
      return configs.find((one: { key: string }) => one.key === 'retention.ms').value;
    };
    const topic = await filledTopic(1);
    const initial = await retention();
    expect(await json('config', 'set', 'log.retention.ms=5000', '--dry')).toEqual([
      { broker: id, errorCode: 0, status: 'OK' },
    ]);
    expect(await retention()).toBe(initial);
    expect((await millrace(['config', 'set', 'log.retention.ms=5000'])).code).toBe(ExitCode.ok);
    expect(await retention()).toBe('5000');
    expect((await millrace(['config', 'set', '-d', 'log.retention.ms'])).code).toBe(ExitCode.ok);
    expect(await retention()).toBe(initial);
    for (const wrong of [['listeners=PLAINTEXT://:1'], ['no.such.setting=1'], ['nothing'], []]) {
      expect((await millrace(['config', 'set', ...wrong])).code, wrong[0]).toBe(ExitCode.usage);
    }
  });
});

describe('group', () => {
  it('is listed and described with the lag of each partition', async () => {
    const topic = await filledTopic(4);
    const group = await groupOf(topic);
    await millrace(['produce', topic, '-p', '0'], 'more\n');
    expect(await json('group', 'list')).toContainEqual({ group, state: 'Empty', protocolType: 'consumer' });
    expect(await json('group', 'list', '-s', 'Stable')).not.toContainEqual(expect.objectContaining({ group }));
    const described = await json('group', 'describe', group);
    expect(described).toMatchObject({ group, state: 'Empty', members: [] });
    expect(described.offsets).toContainEqual({ topic, partition: 0, committed: 4, highWatermark: 5, lag: 1 });
    const text = (await millrace(['group', 'describe', group])).out;
    expect(text).toMatch(/^GROUP +STATE +PROTOCOL +MEMBERS +TOTAL-LAG\n/);
    expect(text).toMatch(new RegExp(`${topic} +0 +4 +5 +1\\n`));
  });

  it('that does not exist ends with exit code 3', async () => {
    expect((await millrace(['group', 'describe', 'nobody'])).code).toBe(ExitCode.notFound);
    expect((await millrace(['group', 'delete', 'nobody', '--yes'])).code).toBe(ExitCode.notFound);
  });

  it('seeks only with --execute, and what was shown is what is committed', async () => {
    const topic = await filledTopic(10);
    const group = await groupOf(topic);
    const shown = await millrace(['group', 'seek', group, '--to', '-3', '--format', 'json']);
    expect(shown.err).toMatch(/nothing was changed/);
    expect((await offsetsOf(group))[0].committed).toBe(10);
    const done = await json('group', 'seek', group, '--to', '-3', '--execute');
    expect(done).toEqual(JSON.parse(shown.out));
    expect(done[0]).toEqual({ topic, partition: 0, before: 10, after: 7, errorCode: 0 });
    expect((await offsetsOf(group))[0]).toMatchObject({ committed: 7, lag: 3 });
    expect((await millrace(['consume', topic, '-g', group, '-e', '-f', '%v '])).out).toBe('7 8 9 ');
  });

  it('seeks to the nearer end of the log, never beyond it', async () => {
    const topic = await filledTopic(3);
    const group = await groupOf(topic);
    const moves = await json('group', 'seek', group, '--to', '1000', '--execute');
    expect(moves[0]).toMatchObject({ after: 3, errorCode: 0 });
    expect((await millrace(['group', 'seek', group, '--to', '1:2'])).code).toBe(ExitCode.usage);
  });

  it('loses the offsets of a topic, or itself, when it is told to', async () => {
    const topic = await filledTopic(2);
    const other = await filledTopic(2);
    const group = `${topic}-both`;
    expect((await millrace(['consume', topic, other, '-g', group, '-e'])).code).toBe(ExitCode.ok);
    expect((await millrace(['group', 'offset-delete', group, '-t', other])).code).toBe(ExitCode.ok);
    expect(new Set((await offsetsOf(group)).map((one: { topic: string }) => one.topic))).toEqual(new Set([topic]));
    expect((await millrace(['group', 'delete', group])).code).toBe(ExitCode.usage);
    expect((await millrace(['group', 'delete', group, '--yes'])).code).toBe(ExitCode.ok);
    expect((await millrace(['group', 'describe', group])).code).toBe(ExitCode.notFound);
  });
});
