/** The README's first session runs as printed: kcat, redis-cli, the kafkajs program, and the in-process example. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { freePort, type Server, startServer } from '../support/server.ts';

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const printed = '127.0.0.1:9092';
/** Inside the repository, so that `import 'kafkajs'` and `import 'millrace'` are found as they would be in a clone. */
const programs = join(root, '.cache/readme');

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1] ?? '');
}

describe('README', () => {
  let folder: ReturnType<typeof scratch>;
  let server: Server;
  let redisPort: number;
  beforeAll(async () => {
    folder = scratch('readme');
    mkdirSync(programs, { recursive: true });
    redisPort = await freePort();
    server = await startServer({ directory: join(folder.path, 'server'), redis: `127.0.0.1:${redisPort}` });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
    rmSync(programs, { recursive: true, force: true });
  });
  const here = (text: string): string => text.replaceAll(printed, server.address);

  it('shows a kcat session that gives back what was produced', () => {
    const session = blocks('sh').find((block) => block.includes('kcat')) ?? '';
    expect(session).toContain(printed);
    const output = execFileSync('bash', ['-euo', 'pipefail', '-c', here(session)], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(output).toBe('1\n2\n3\n');
  });

  it('shows a redis-cli session that gives back what was set', () => {
    const session = blocks('sh').find((block) => block.includes('redis-cli')) ?? '';
    const elsewhere = session.replaceAll('redis-cli', `redis-cli -p ${redisPort}`);
    expect(execFileSync('bash', ['-euo', 'pipefail', '-c', elsewhere], { encoding: 'utf8' })).toBe('OK\nhello\n');
  });

  it('shows a kafkajs program of ten lines that prints its message and ends', () => {
    const program = blocks('js')[0] ?? '';
    expect(program.trimEnd().split('\n')).toHaveLength(10);
    const file = join(programs, 'hello.mjs');
    writeFileSync(file, here(program));
    const result = spawnSync(process.execPath, [file], { cwd: programs, encoding: 'utf8', timeout: 20_000 });
    expect(result.stdout.split('\n')).toContain('hello');
    expect(result.status).toBe(0);
  });

  it('shows an in-process program that prints its record and ends, on any Node that is supported', () => {
    const file = join(programs, 'log.mjs');
    writeFileSync(file, blocks('js')[1] ?? '');
    const result = spawnSync(process.execPath, [file], { cwd: folder.path, encoding: 'utf8', timeout: 20_000 });
    expect(result).toMatchObject({ stderr: '', stdout: '0n v\n', status: 0 });
  });
});
