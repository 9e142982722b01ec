/**
 * A broker's environment that ends in the middle of traffic, in every way, on ring and pool: its process goes on unharmed,
 * and the next broker has everything that was acknowledged.
 *
 * To remember: MILLRACE_ROUNDS makes it longer; the moments follow from MILLRACE_SEED.
 */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { scratch } from '../support/scratch.ts';

const program = fileURLToPath(new URL('./traffic-teardown-rounds.ts', import.meta.url));
const rounds = process.env.MILLRACE_ROUNDS ?? '2';
const seed = process.env.MILLRACE_SEED ?? String(Date.now() % 2 ** 31);
const LIMIT_MS = 60_000 + Number(rounds) * 3_000;

const kinds = [
  ['ring', 'ring'],
  ['pool', 'node'],
] as const;
const endings = ['terminate', 'exit', 'uncaught', 'natural'];

test.each(kinds.flatMap(([driver, sockets]) => endings.map((ending) => [driver, sockets, ending] as const)))(
  'driver %s, sockets %s: a worker that ends by %s under traffic harms nothing and loses nothing acknowledged',
  async (driver, sockets, ending) => {
    using directory = scratch('traffic');
    const args = ['--import', 'tsx', program, join(directory.path, 'data'), driver, sockets, ending, rounds, seed];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS });
    let [output, errors] = ['', `replay: MILLRACE_SEED=${seed}\n`];
    child.stdout.on('data', (data) => {
      output += String(data);
    });
    child.stderr.on('data', (data) => {
      errors += String(data);
    });
    const ended = await new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
    expect(ended, errors).toEqual({ code: 0, signal: null });
    expect(output, errors).toMatch(/^rounds \d+ acknowledged [1-9]/m);
  },
  LIMIT_MS,
);
