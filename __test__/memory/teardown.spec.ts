/** The end of an environment at every stage: clean exit codes, no abort, and a directory that opens again. */

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLog } from '../../ts/index.ts';

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

function inProcess(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', scene, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
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

/** A process whose only work is a worker that plays the scene; it prints how the worker ended. */
function inWorker(args: readonly string[]): Promise<Ended> {
  const program = `
    import { Worker } from 'node:worker_threads';
    const args = ${JSON.stringify(args)};
    const worker = new Worker(${JSON.stringify(loadScene)}, { eval: true, workerData: args });
    worker.on('error', () => undefined);
    worker.on('exit', (code) => process.stdout.write('worker ' + code + '\\n'));
    if (args[3] === 'terminate') setTimeout(() => worker.terminate(), 1500);
  `;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
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
  describe.each(['natural', 'exit', 'uncaught'])('a process that ends by %s', (ending) => {
    test.concurrent.each(stages)('ends with its own exit code at stage %s', async (stage) => {
      const dir = join(root, `p-${driver}-${ending}-${stage}`);
      const ended = await inProcess([dir, driver, stage, ending]);
      expect(ended, ended.errors).toMatchObject({ code: codes[ending], signal: null });
      expect(await opensAgain(dir, driver)).toContain('first');
    });
  });

  describe.each(['natural', 'exit', 'uncaught', 'terminate'])('a worker that ends by %s', (ending) => {
    test.concurrent.each(stages)('leaves its process unharmed at stage %s', async (stage) => {
      const dir = join(root, `w-${driver}-${ending}-${stage}`);
      const ended = await inWorker([dir, driver, stage, ending]);
      expect(ended, ended.errors).toMatchObject({ code: 0, signal: null });
      expect(ended.output).toContain(`worker ${codes[ending]}\n`);
      expect(await opensAgain(dir, driver)).toContain('first');
    });
  });

  test('a pending append keeps the process alive until it is acknowledged', async () => {
    const ended = await inProcess([join(root, `alive-${driver}`), driver, 'queued', 'natural']);
    expect(ended.output).toBe('acknowledged\n');
  });
});

test('a worker that is terminated again and again leaves nothing behind', async () => {
  const dir = join(root, 'again');
  for (let round = 0; round < 5; round += 1) {
    const workerData = [dir, 'pool', 'storm', 'terminate'];
    const worker = new Worker(loadScene, { eval: true, workerData, stdout: true });
    await new Promise<void>((resolve) => worker.once('online', () => setTimeout(resolve, 1000)));
    await worker.terminate();
  }
  const values = await opensAgain(dir, 'pool');
  expect(values[0]).toBe('first');
});
