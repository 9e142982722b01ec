/** Promises of `serve` about metrics, health and its log, as a process. Needs the built command line. */
import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { commandLine, startServer } from '../support/server.ts';

it('says where metrics and health are, and serves them there', async () => {
  using folder = scratch('serve-http');
  await using server = await startServer({ directory: join(folder.path, 'data'), settings: ['http=127.0.0.1:0'] });
  const [, url = ''] = /metrics +(http:\S+)\/metrics,/.exec(server.output()) ?? [];
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect(await (await fetch(`${url}/metrics`)).text()).toContain(
    `kafka_broker_info{address="${server.address}",id="1"} 1`,
  );
});

it('names the address that is taken, and the flag for another', async () => {
  using folder = scratch('serve-http');
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  const args = ['serve', '--kafka', '127.0.0.1:0', '--http', `127.0.0.1:${port}`, '--dir', join(folder.path, 'data')];
  const child = spawn(process.execPath, [commandLine, ...args]);
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1);
  expect(said).toBe(`millrace: 127.0.0.1:${port} is in use by another program: stop it, or give --http HOST:PORT\n`);
  taken.close();
});

it('takes 127.0.0.1:9644 when --http is given without an address', () => {
  const args = [commandLine, 'serve', '--check-config', '--http'];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stdout).toContain('http=127.0.0.1:9644\n');
});

it('writes its log as lines of JSON from the first to the last', async () => {
  using folder = scratch('serve-log');
  const args = ['serve', '--kafka', '127.0.0.1:0', '--dir', join(folder.path, 'data'), '--log-format', 'json'];
  const child = spawn(process.execPath, [commandLine, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const events: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    const { event, time, level, message } = JSON.parse(line);
    expect([typeof time, level, typeof message]).toEqual(['string', 'info', 'string']);
    events.push(event);
    if (event === 'ready') child.kill('SIGTERM');
  }
  expect(events).toEqual(['ready', 'closing', 'closed']);
});
