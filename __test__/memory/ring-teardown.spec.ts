/** The end of an environment with a ring of `millrace/io` at every stage: clean exit codes, and no abort. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const PATIENCE_MS = 60_000;

const scene = fileURLToPath(new URL('./ring-teardown-scene.mjs', import.meta.url));
let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-ring-teardown-'));
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

const stages = ['idle', 'queued', 'writing', 'waiting', 'storm', 'callback', 'closing'];
const codes: Record<string, number> = { natural: 0, exit: 7, uncaught: 1, terminate: 1 };

describe.each(['ring', 'pool'] as const)('on driver %s', (driver) => {
  test.concurrent.each([
    ['exit', 'writing'],
    ['exit', 'waiting'],
    ['uncaught', 'storm'],
    ['natural', 'queued'],
  ] as const)(
    'a process that ends by %s at stage %s ends with its own exit code',
    async (ending, stage) => {
      const ended = await run([scene, root, driver, stage, ending]);
      expect(ended, ended.errors).toMatchObject({ code: codes[ending], signal: null });
      // What is in flight keeps the process alive until it is done.
      if (ending === 'natural') expect(ended.output).toBe('written\n');
    },
    PATIENCE_MS,
  );

  test.each(['natural', 'exit', 'uncaught', 'terminate'])(
    'workers that end by %s leave their process unharmed, at every stage',
    async (ending) => {
      const program = `
        import { Worker } from 'node:worker_threads';
        for (const stage of ${JSON.stringify(stages)}) {
          const workerData = [${JSON.stringify(root)}, '${driver}', stage, '${ending}'];
          const worker = new Worker(${JSON.stringify(scene)}, { workerData, execArgv: [] });
          worker.on('error', () => undefined);
          if ('${ending}' === 'terminate') worker.on('message', () => setTimeout(() => worker.terminate(), 30));
          worker.on('exit', (code) => process.stdout.write('worker ' + stage + ' ' + code + '\\n'));
        }
      `;
      const ended = await run(['--input-type=module', '-e', program]);
      expect(ended, ended.errors).toMatchObject({ code: 0, signal: null });
      for (const stage of stages) expect(ended.output).toContain(`worker ${stage} ${codes[ending]}\n`);
    },
    PATIENCE_MS,
  );
});
