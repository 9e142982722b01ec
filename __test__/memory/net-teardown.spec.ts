/** The end of an environment with sockets in a ring at every stage: clean exit codes, no abort, no hang. */

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const scene = fileURLToPath(new URL('./net-teardown-scene.ts', import.meta.url));
const stages = ['idle', 'receiving', 'gathering', 'held', 'sending', 'callback', 'closing'];
const codes: Record<string, number> = { natural: 0, exit: 7, uncaught: 1, terminate: 1 };
/** Seven workers that translate TypeScript at the same time need a while on a busy machine. */
const PATIENCE_MS = 90_000;

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-net-teardown-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  signal: string | null;
  output: string;
  errors: string;
}

function run(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: PATIENCE_MS });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (data) => {
      output += String(data);
    });
    child.stderr.on('data', (data) => {
      errors += String(data);
    });
    child.on('close', (code, signal) => resolve({ code, signal, output, errors }));
  });
}

/** Runs the scene in a worker: a worker does not take its parent's loader for TypeScript. */
const loadScene = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(scene)}); });`;

test.each(['natural', 'exit', 'uncaught', 'terminate'])(
  'workers that end by %s with sockets at any stage leave their process unharmed',
  async (ending) => {
    const plan = stages.map((stage) => [stage, join(root, `w-${ending}-${stage}`)]);
    const program = `
      import { Worker } from 'node:worker_threads';
      for (const [stage, dir] of ${JSON.stringify(plan)}) {
        const worker = new Worker(${JSON.stringify(loadScene)}, { eval: true, workerData: [dir, stage, '${ending}'] });
        worker.on('error', () => undefined);
        if ('${ending}' === 'terminate') worker.on('message', () => setTimeout(() => worker.terminate(), 40));
        worker.on('exit', (code) => process.stdout.write(stage + ' ' + code + '\\n'));
      }
    `;
    const ended = await run(['--input-type=module', '-e', program]);
    expect(ended, ended.errors).toMatchObject({ code: 0, signal: null });
    const expected = stages.map((stage) => `${stage} ${codes[ending]}`);
    expect(ended.output.trim().split('\n').sort()).toEqual(expected.sort());
  },
  PATIENCE_MS,
);

test.each(['sending', 'callback', 'gathering'])(
  'a process that exits at stage %s ends with its own exit code',
  async (stage) => {
    const ended = await run(['--import', 'tsx', scene, join(root, `p-${stage}`), stage, 'exit']);
    expect(ended, ended.errors).toMatchObject({ code: 7, signal: null });
  },
  PATIENCE_MS,
);
