/** The examples run as their page says, against the built package. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'examples/README.md'), 'utf8');

vi.setConfig({ testTimeout: 60_000 });

/** Runs a line of the page, and answers what it printed. */
function runAsPrinted(line: string): { status: number | null; output: string } {
  expect(page).toContain(`\`${line}\``);
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { cwd: root, encoding: 'utf8', timeout: 50_000 });
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
});
