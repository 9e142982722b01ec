/** Promise: examples/queue.mjs does what it says, with ioredis as it is published. */
import { execFile } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { installClients } from '../../conformance/redis/install-clients.ts';
import { openOwn } from '../support/redis-servers.ts';

const example = join(import.meta.dirname, '../../../examples/queue.mjs');

it('a queue with ioredis runs every job, though a worker dies and jobs fail', async () => {
  const folder = dirname(await installClients());
  await using own = await openOwn('ring');
  // Where ioredis is found.
  const program = join(folder, `queue-${process.pid}.mjs`);
  copyFileSync(example, program);
  try {
    const url = `redis://127.0.0.1:${own.port}`;
    const { stdout } = await promisify(execFile)(process.execPath, [program, url], { timeout: 30_000 });
    expect(stdout).toBe('20 jobs done in 27 runs, though a worker died and every third job failed at first\n');
  } finally {
    rmSync(program, { force: true });
  }
}, 150_000);
