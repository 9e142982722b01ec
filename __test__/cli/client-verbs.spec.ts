/** Promises of topic, produce and consume against a running server. Needs the built command line. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { commandLine, type Server, startServer } from '../support/server.ts';

// A test starts a dozen processes; on a busy machine each takes a second.
vi.setConfig({ testTimeout: 60_000 });

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: ReturnType<typeof scratch>;
let server: Server;
beforeAll(async () => {
  folder = scratch('verbs');
  server = await startServer({ directory: join(folder.path, 'data') });
});
afterAll(async () => {
  // A server that went away is the reason of whatever failed above.
  expect(server.running(), server.output()).toBe(true);
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function start(args: readonly string[]) {
  const env = { ...process.env, MILLRACE_BROKERS: server.address };
  const child = spawn(process.execPath, [commandLine, ...args], { env });
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    text.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text.stderr += chunk;
  });
  const ended = new Promise<Result>((resolve) => child.once('close', (code) => resolve({ code, ...text })));
  return { child, text, ended };
}

function millrace(args: readonly string[], input = ''): Promise<Result> {
  const { child, ended } = start(args);
  child.stdin.end(input);
  return ended;
}

let names = 0;
async function topic(partitions = 1): Promise<string> {
  const name = `verbs-${++names}`;
  expect((await millrace(['topic', 'create', name, '-p', String(partitions)])).code).toBe(0);
  return name;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('topic', () => {
  it('is created once, listed, described with its settings and watermarks, and deleted', async () => {
    const created = await millrace(['topic', 'create', 'life', '-p', '3', '-c', 'retention.ms=1000']);
    expect(created).toEqual({ code: 0, stdout: 'TOPIC  STATUS\nlife   OK\n', stderr: '' });
    expect((await millrace(['topic', 'create', 'life'])).stdout).toContain('TOPIC_ALREADY_EXISTS');
    expect((await millrace(['topic', 'create', 'life'])).code).toBe(1);
    expect((await millrace(['topic', 'create', 'life', '--if-not-exists'])).code).toBe(0);
    const listed = JSON.parse((await millrace(['topic', 'list', '--format', 'json'])).stdout);
    expect(listed).toContainEqual({ name: 'life', partitions: 3, replicas: 1 });
    const wide = (await millrace(['topic', 'list', '--format', 'wide'])).stdout;
    expect(wide).toMatch(/^NAME +PARTITIONS +REPLICAS +ID +INTERNAL\n(.*\n)*life +3 +1 +\S{22,36} +false\n/);
    await millrace(['produce', 'life', '-p', '1'], 'a\nb\n');
    const described = JSON.parse((await millrace(['topic', 'describe', 'life', '-a', '--format', 'json'])).stdout);
    expect(described.configs).toContainEqual({ key: 'retention.ms', value: '1000', source: 'DYNAMIC_TOPIC_CONFIG' });
    expect(described.partitions[1]).toMatchObject({ partition: 1, logStart: 0, lastStable: 2, highWatermark: 2 });
    expect((await millrace(['topic', 'delete', 'life', '--yes'])).code).toBe(0);
    expect((await millrace(['topic', 'describe', 'life'])).code).toBe(3);
  });

  it('is only checked with --dry', async () => {
    expect((await millrace(['topic', 'create', 'dry', '--dry'])).code).toBe(0);
    expect((await millrace(['topic', 'describe', 'dry'])).code).toBe(3);
  });

  it('with a setting that does not exist ends with exit code 2, one that is not there to delete with 3', async () => {
    expect((await millrace(['topic', 'create', 'wrong', '-c', 'no.such=1'])).code).toBe(2);
    expect((await millrace(['topic', 'delete', 'absent', '--yes'])).code).toBe(3);
  });
});

describe('produce', () => {
  it('sends keys, headers and tombstones as asked', async () => {
    const name = await topic();
    await millrace(['produce', name, '-K', '\\t', '-H', 'h:1', '-Z'], 'k1\tv1\nk2\t\n');
    await millrace(['produce', name, '-k', 'fixed', '-f', '%v{hex};'], '00ff;');
    const lines = (await millrace(['consume', name, '-o', ':end'])).stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { key: 'k1', value: 'v1', headers: [{ key: 'h', value: '1' }], offset: 0 },
      { key: 'k2', value: null, offset: 1 },
      { key: 'fixed', value: 'AP8=', valueEncoding: 'base64', offset: 2 },
    ]);
  });

  it('cuts and prints at the delimiters that kcat has letters for', async () => {
    const name = await topic();
    await millrace(['produce', name, '-D', ';'], 'a;b%;');
    await millrace(['produce', name, '-K', ':', '-D', ';'], 'k:v;');
    const read = async (...more: string[]) => (await millrace(['consume', name, '-e', ...more])).stdout;
    expect(await read('-D', ',')).toBe('a,b%,v,');
    expect(await read('-K', '%')).toBe('%a\n%b%\nk%v\n');
    expect(await read('-K', ':', '-D', ';')).toBe(':a;:b%;k:v;');
  });

  it('reads files one after the other and says how many records are stored', async () => {
    const name = await topic();
    const files = ['one', 'two'].map((text) => {
      const path = join(folder.path, text);
      writeFileSync(path, `${text}\nlast without newline`);
      return path;
    });
    const result = await millrace(['produce', name, ...files]);
    expect(result).toEqual({ code: 0, stdout: '', stderr: `millrace: 4 records stored in ${name}\n` });
    const read = await millrace(['consume', name, '-o', ':end', '-f', '%v|']);
    expect(read.stdout).toBe('one|last without newline|two|last without newline|');
  });

  it('puts a key into the partition the Java client would, and keyless records everywhere', async () => {
    const name = await topic(8);
    // murmur2, as Kafka's own test has it: "21" hashes to -973932308.
    await millrace(['produce', name, '-k', '21'], 'x\n');
    const read = await millrace(['consume', name, '-o', ':end', '-f', '%p']);
    expect(read.stdout).toBe(String((-973_932_308 & 0x7fffffff) % 8));
  });

  it.each(['-1', '1', '0'])('with acks %s every record arrives', async (acks) => {
    const name = await topic();
    expect((await millrace(['produce', name, '--acks', acks], 'a\nb\nc\n')).code).toBe(0);
    expect((await millrace(['consume', name, '-n', '3', '-f', '%v'])).stdout).toBe('abc');
  });

  it('stores what a person has typed without waiting for more', async () => {
    const name = await topic();
    const typing = start(['produce', name]);
    typing.child.stdin.write('first\n');
    expect((await millrace(['consume', name, '-n', '1', '-f', '%v'])).stdout).toBe('first');
    typing.child.stdin.end();
    expect((await typing.ended).code).toBe(0);
  });

  it('ends with exit code 3 for a topic, a partition or a file that is not there', async () => {
    const name = await topic();
    expect((await millrace(['produce', 'no-such-topic'], 'x\n')).code).toBe(3);
    expect((await millrace(['produce', name, '-p', '7'], 'x\n')).code).toBe(3);
    expect((await millrace(['produce', name, '/no/such/file'])).code).toBe(3);
  });

  it('refuses a record above the limit and says which', async () => {
    const name = await topic();
    const result = await millrace(['produce', name, '--max-message-bytes', '10'], 'short\nfar too long for it\n');
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('record 2');
  });
});

describe('consume', () => {
  it('reads the range it is asked for', async () => {
    const name = await topic();
    await millrace(['produce', name], '0\n1\n2\n3\n4\n');
    const read = async (range: string) => (await millrace(['consume', name, '-o', range, '-f', '%v'])).stdout;
    expect(await read('1:3')).toBe('12');
    expect(await read('-2:end')).toBe('34');
    expect(await read('+3:end')).toBe('34');
    expect(await read(':2')).toBe('01');
    expect(await read('@-1h:end')).toBe('01234');
    expect(await read('@:-1h')).toBe('');
    expect((await millrace(['consume', name, '-e', '-f', '%v'])).stdout).toBe('01234');
    expect((await millrace(['consume', name, '-n', '2', '-f', '%v'])).stdout).toBe('01');
  });

  it('follows the log, and drains and ends with 130 at the first interrupt', async () => {
    const name = await topic();
    const reader = start(['consume', name, '-f', '%v\\n']);
    await millrace(['produce', name], 'one\n');
    await until(() => reader.text.stdout === 'one\n');
    await millrace(['produce', name], 'two\n');
    await until(() => reader.text.stdout === 'one\ntwo\n');
    reader.child.kill('SIGINT');
    expect(await reader.ended).toEqual({ code: 130, stdout: 'one\ntwo\n', stderr: '' });
  });

  it('ends without a word when its reader has gone', async () => {
    const name = await topic();
    await millrace(['produce', name], 'line\n'.repeat(200_000));
    const reader = start(['consume', name, '-o', ':end', '-f', '%v\\n']);
    reader.child.stdout.once('data', () => reader.child.stdout.destroy());
    expect(await reader.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('in a group goes on where the group has committed', async () => {
    const name = await topic(3);
    await millrace(['produce', name, '-f', '%p %v\\n'], '0 a\n1 b\n2 c\n');
    const read = async () => (await millrace(['consume', name, '-g', `group-${name}`, '-e', '-f', '%v'])).stdout;
    expect([...(await read())].sort().join('')).toBe('abc');
    expect(await read()).toBe('');
    await millrace(['produce', name], 'd\n');
    expect(await read()).toBe('d');
  });

  it('in a group shares the partitions with a member that joins, and takes them over when one leaves', async () => {
    const name = await topic(4);
    const group = ['-g', `group-${name}`, '-f', '%v\\n'];
    const [first, second] = [start(['consume', name, ...group]), start(['consume', name, ...group])];
    const seen = () => [first, second].flatMap((one) => one.text.stdout.split('\n').filter((line) => line !== ''));
    const input = (from: number) => Array.from({ length: 40 }, (_, i) => `${i % 4} ${from + i}\n`).join('');
    const produce = (from: number) => millrace(['produce', name, '-f', '%p %v\\n'], input(from));
    let sent = 0;
    while (first.text.stdout === '' || second.text.stdout === '') {
      await produce(sent);
      sent += 40;
    }
    await until(() => new Set(seen()).size === sent);
    first.child.kill('SIGINT');
    expect((await first.ended).code).toBe(130);
    await produce(sent);
    await until(() => new Set(seen()).size === sent + 40);
    second.child.kill('SIGINT');
    expect((await second.ended).code).toBe(130);
    expect(new Set(seen())).toEqual(new Set(Array.from({ length: sent + 40 }, (_, i) => String(i))));
  });

  it('ends with exit code 3 for a topic or partition that is not there', async () => {
    expect((await millrace(['consume', 'no-such-topic'])).code).toBe(3);
    expect((await millrace(['consume', await topic(), '-p', '5'])).code).toBe(3);
  });
});
