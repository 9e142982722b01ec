/** Every code block that a page marks runs as it is printed, and prints what the page says. Needs the built package. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { marksOf, run, runnablesOf } from './runnable.ts';

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

describe('the block', () => {
  it.concurrent.each(runnables.map((one) => [one.name, one] as const))('%s runs as printed', async (_name, one) => {
    const { status, stdout, stderr } = await run(one);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    if (one.prints !== undefined) expect(stdout).toBe(one.prints);
  });
});
