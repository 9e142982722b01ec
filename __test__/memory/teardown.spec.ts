/** The end of an environment at every stage: clean exit codes, no abort, and a directory that opens again. */

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLog } from '../../ts/index.ts';

/** Six workers or five processes that translate TypeScript at the same time need a while on a busy machine. */
const PATIENCE_MS = 90_000;

const scene = fileURLToPath(new URL('./teardown-scene.ts', import.meta.url));
let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-teardown-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  signal: string | null;
  output: string;
  errors: string;
}

/** Runs Node with these arguments and tells how it ended; nothing outlives its test. */
function run(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: PATIENCE_MS - 5_000 });
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

/** A process whose only work are workers, one a stage; it prints how each ended. */
function inWorkers(driver: string, ending: string, directoryOf: (stage: string) => string): Promise<Ended> {
  const program = `
    import { Worker } from 'node:worker_threads';
    for (const [stage, dir] of ${JSON.stringify(stages.map((stage) => [stage, directoryOf(stage)]))}) {
      const workerData = [dir, '${driver}', stage, '${ending}'];
      const worker = new Worker(${JSON.stringify(loadScene)}, { eval: true, workerData });
      worker.on('error', () => undefined);
      if ('${ending}' === 'terminate') worker.on('message', () => setTimeout(() => worker.terminate(), 30));
      worker.on('exit', (code) => process.stdout.write('worker ' + stage + ' ' + code + '\\n'));
    }
  `;
  return run(['--input-type=module', '-e', program]);
}

const stages = ['idle', 'queued', 'writing', 'storm', 'callback', 'closing'];
const codes: Record<string, number> = { natural: 0, exit: 7, uncaught: 1, terminate: 1 };

/** The lock is free, and what was acknowledged is there. */
async function opensAgain(dir: string, driver: 'ring' | 'pool'): Promise<string[]> {
  const log = await openLog(dir, { driver });
  const topic = await log.topic('scene');
  const values: string[] = [];
  for await (const batch of topic.read({ follow: false })) {
    for (const record of batch.records()) values.push(String(record.value).slice(0, 5));
  }
  await log.close();
  return values;
}

describe.each(['ring', 'pool'] as const)('on driver %s', (driver) => {
  const endings = ['exit', 'uncaught'].flatMap((ending) => stages.map((stage) => [ending, stage] as const));
  test.concurrent.each([...endings, ['natural', 'writing'], ['natural', 'closing']] as const)(
    'a process that ends by %s at stage %s ends with its own exit code',
    async (ending, stage) => {
      const dir = join(root, `p-${driver}-${ending}-${stage}`);
      const ended = await run(['--import', 'tsx', scene, dir, driver, stage, ending]);
      expect(ended, ended.errors).toMatchObject({ code: codes[ending], signal: null });
      expect(await opensAgain(dir, driver)).toContain('first');
    },
    PATIENCE_MS,
  );

  test.each(['natural', 'exit', 'uncaught', 'terminate'])(
    'workers that end by %s leave their process unharmed, at every stage',
    async (ending) => {
      const directoryOf = (stage: string): string => join(root, `w-${driver}-${ending}-${stage}`);
      const ended = await inWorkers(driver, ending, directoryOf);
      expect(ended, ended.errors).toMatchObject({ code: 0, signal: null });
      for (const stage of stages) {
        expect(ended.output).toContain(`worker ${stage} ${codes[ending]}\n`);
        expect(await opensAgain(directoryOf(stage), driver)).toContain('first');
      }
    },
    PATIENCE_MS,
  );

  test('a pending append keeps the process alive until it is acknowledged', { timeout: PATIENCE_MS }, async () => {
    const ended = await run(['--import', 'tsx', scene, join(root, `alive-${driver}`), driver, 'queued', 'natural']);
    expect(ended.output).toBe('acknowledged\n');
  });
});

test('a worker that is terminated again and again leaves nothing behind', { timeout: PATIENCE_MS }, async () => {
  const dir = join(root, 'again');
  for (let round = 0; round < 5; round += 1) {
    const workerData = [dir, 'pool', 'storm', 'terminate'];
    const worker = new Worker(loadScene, { eval: true, workerData, stdout: true });
    await new Promise<void>((resolve) => worker.once('message', () => setTimeout(resolve, 20)));
    await worker.terminate();
  }
  const values = await opensAgain(dir, 'pool');
  expect(values.filter((value) => value === 'first')).toHaveLength(5);
});
