/** The examples run as their page says, against the built package. */
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { exampleClients } from '../support/example-clients.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'examples/README.md'), 'utf8');

// A machine that is busy takes half a minute for what takes seconds otherwise.
vi.setConfig({ testTimeout: 170_000 });

/** Runs a line of the page, and answers what it printed. */
function runAsPrinted(line: string, folder = root): { status: number | null; output: string } {
  expect(page).toContain(`\`${line}\``);
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { cwd: folder, encoding: 'utf8', timeout: 150_000 });
  return { status, output: stdout + stderr };
}

describe('the examples', () => {
  it('are all on their page', () => {
    const files = readdirSync(join(root, 'examples')).filter((name) => name !== 'README.md');
    expect(files.filter((name) => !page.includes(`\`${name}`))).toEqual([]);
  });

  it('show one broker for a vitest run', () => {
    const { status, output } = runAsPrinted('npx vitest run --root examples/testing-with-vitest');
    expect(output).toMatch(/1 passed/);
    expect(status).toBe(0);
  });

  it('show @platformatic/kafka surviving a dropped connection', () => {
    const { status, output } = runAsPrinted('node --test examples/testing-platformatic.mjs');
    expect(output).toMatch(/pass 1/);
    expect(status).toBe(0);
  });

  it('show a hundred power cuts', () => {
    const { status, output } = runAsPrinted('node examples/power-cut.mjs');
    expect(output).toMatch(/^100 power cuts: no confirmed transfer lost/);
    expect(status).toBe(0);
  });

  it('show a queue of jobs on log and store', () => {
    const { status, output } = runAsPrinted('node examples/own-queue.mjs');
    expect(output).toMatch(/^40 jobs done once each in \d+ lives\n$/);
    expect(status).toBe(0);
  });
});

describe('the examples with packages of others', () => {
  let folder = '';
  beforeAll(async () => {
    const source = join(root, 'examples/clients');
    folder = await exampleClients();
    // Everything but the packages is as it is in the repository.
    const isSource = (path: string) => basename(path) !== 'node_modules';
    cpSync(source, folder, { recursive: true, filter: isSource });
  }, 150_000);

  it('are all on their page', () => {
    const files = readdirSync(join(root, 'examples/clients')).filter(
      (name) => !/^(package.*|node_modules)$/.test(name),
    );
    expect(files.filter((name) => !page.includes(`clients/${name}`))).toEqual([]);
  });

  it.each([
    ['ioredis', 'node ioredis.mjs', /^100 users and 3 visits are there\n$/],
    ['node-redis', 'node node-redis.mjs', /^a user, a leaderboard, and one last piece sold once\n$/],
    [
      'OpenTelemetry',
      'node opentelemetry.mjs',
      /^checkout ok\nreceive orders ok\n(.+\n)+one trace: true\ndb\.client\.operation\.duration\nmessaging\.client\.operation\.duration\nmessaging\.client\.sent\.messages$/m,
    ],
    [
      'NestJS',
      'npx tsx --tsconfig nestjs/tsconfig.json nestjs/main.ts',
      /^a price was answered, and an order was taken$/m,
    ],
    ['jest', 'npx jest --config jest/jest.config.mjs', /^Tests: +1 passed, 1 total$/m],
  ])('show %s', (_name, line, printed) => {
    const { status, output } = runAsPrinted(line, folder);
    expect(output).toMatch(printed);
    expect(status).toBe(0);
  });
});
