/** Every code block that a page marks runs as it is printed, and prints what the page says. Needs the built package. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { freePort, type Server, startServer } from '../support/server.ts';
import { marksOf, prepare, run, runnablesOf } from './runnable.ts';

// Two at a time: each is a program of its own, and the machine may have two cores.
vi.setConfig({ testTimeout: 60_000, maxConcurrency: 2 });

const docs = join(import.meta.dirname, '../../docs');
const pages = [
  'README.md',
  ...readdirSync(docs)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const runnables = pages.flatMap(runnablesOf);

it('every mark has a block, and there are guides with blocks', () => {
  expect(pages.reduce((sum, page) => sum + marksOf(page), 0)).toBe(runnables.length);
  expect(runnables.length).toBeGreaterThanOrEqual(10);
});

/** Blocks of programs that readme.spec.ts runs; every other one carries a mark. */
const runElsewhere: Readonly<Record<string, number>> = { 'README.md': 2 };

it('every program on a page is run', () => {
  const unmarked = pages.map((page) => {
    const programs = readFileSync(join(docs, '..', page), 'utf8').match(/^```(ts|js|tsx|mjs)$/gm) ?? [];
    const marked = runnablesOf(page).filter(({ extension }) => extension !== 'sh');
    return [page, programs.length - marked.length] as const;
  });
  expect(Object.fromEntries(unmarked.filter(([, count]) => count > 0))).toEqual(runElsewhere);
});

describe('the block', () => {
  let folder: ReturnType<typeof scratch>;
  let server: Server;
  let redis: number;
  beforeAll(async () => {
    await prepare(runnables);
    folder = scratch('docs-server');
    redis = await freePort();
    server = await startServer({ directory: join(folder.path, 'data'), redis: `127.0.0.1:${redis}` });
  }, 150_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  it.concurrent.each(runnables.map((one) => [one.name, one] as const))('%s runs as printed', async (_name, one) => {
    const { status, stdout, stderr } = await run(one, one.wantsServer ? { kafka: server.address, redis } : undefined);
    // A shell's commands tell people what they did; a program that is well has nothing to say.
    const complaints = one.extension === 'sh' ? '' : stderr;
    expect({ status, complaints }, stderr).toEqual({ status: 0, complaints: '' });
    if (one.prints !== undefined) expect(stdout).toBe(one.prints);
  });
});
