/** Promises to systemd: it is told when clients are served and when the end begins, and missing it harms nobody. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { serviceManager } from '../../ts/service-manager.ts';
import { scratch } from '../support/scratch.ts';

/** Node has no datagram sockets of this kind, every Debian has perl. */
const receiver =
  'socket(S, AF_UNIX, SOCK_DGRAM, 0); bind(S, sockaddr_un($ARGV[0])) or die; $| = 1; while (defined recv(S, $m, 4096, 0)) { print "$m;" }';

async function listening(socket: string): Promise<{ child: ChildProcess; heard: () => string }> {
  const child = spawn('perl', ['-MSocket', '-e', receiver, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  child.stdout?.on('data', (chunk) => {
    heard += chunk;
  });
  while (!existsSync(socket)) await sleep(5);
  return { child, heard: () => heard };
}

it('tells that clients are served, pings the watchdog, and tells that the end begins', async () => {
  using folder = scratch('notify');
  const socket = join(folder.path, 'notify');
  const { child, heard } = await listening(socket);
  try {
    {
      using manager = serviceManager({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '40000' });
      manager.ready('serves Kafka on 127.0.0.1:9092');
      while (!heard().includes('WATCHDOG=1;WATCHDOG=1;')) await sleep(5);
      manager.stopping();
    }
    while (!heard().endsWith('STOPPING=1;')) await sleep(5);
    const ready = `READY=1\nSTATUS=serves Kafka on 127.0.0.1:9092\nMAINPID=${process.pid};`;
    expect(heard().startsWith(ready)).toBe(true);
    await sleep(60);
    expect(heard().endsWith('STOPPING=1;')).toBe(true);
  } finally {
    child.kill();
  }
});

it('says nothing without a manager, and does not mind one that has gone', () => {
  using nobody = serviceManager({});
  using gone = serviceManager({ NOTIFY_SOCKET: '/nowhere/notify' });
  using abstract = serviceManager({ NOTIFY_SOCKET: '@millrace-test-of-nobody' });
  for (const manager of [nobody, gone, abstract]) {
    expect(() => manager.ready('x')).not.toThrow();
    expect(() => manager.stopping()).not.toThrow();
  }
});
