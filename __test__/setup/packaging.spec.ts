/** Promises of what is meant to run elsewhere: unit, container file, seccomp profile. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { commandLine } from '../support/server.ts';

const packaging = join(import.meta.dirname, '../../packaging');
const unit = readFileSync(join(packaging, 'millrace.service'), 'utf8');
const container = readFileSync(join(packaging, 'Containerfile'), 'utf8');

vi.setConfig({ testTimeout: 30_000 });

/** What follows an instruction of the container file, as its JSON. */
function instruction(name: string): string[] {
  return JSON.parse(new RegExp(`^${name} (\\[.*\\])$`, 'm').exec(container)?.[1] ?? 'null');
}

/** Checks the settings of a `serve` without opening anything. */
function check(args: readonly string[]) {
  return spawnSync(process.execPath, [commandLine, ...args, '--check-config'], { encoding: 'utf8' });
}

describe('the unit of systemd', () => {
  it('starts a server whose settings are right', () => {
    const [, command = ''] = /^ExecStart=\/usr\/bin\/env millrace (.*)$/m.exec(unit) ?? [];
    const args = command.replace(`\${STATE_DIRECTORY}`, '/var/lib/millrace').split(' ');
    expect(args[0]).toBe('serve');
    expect(check(args)).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('the container file', () => {
  it('starts a server whose settings are right, as somebody who is not root', () => {
    expect(instruction('ENTRYPOINT')).toEqual(['millrace']);
    expect(check(instruction('CMD'))).toMatchObject({ status: 0 });
    expect(container).toMatch(/^USER node$/m);
  });

  it('would not start without saying that other machines may come in', () => {
    const args = instruction('CMD').filter((word) => word !== '--insecure');
    expect(check(args).status).toBe(2);
  });

  it('asks its health where it is served', async () => {
    const lines = container.replaceAll('\\\n', ' ').split('\n');
    const [, json = ''] = /CMD (\[.*\])/.exec(lines.find((line) => line.startsWith('HEALTHCHECK')) ?? '') ?? [];
    const [program = '', ...args] = JSON.parse(json) as string[];
    expect(program).toBe('node');
    expect(instruction('CMD')).toContain('127.0.0.1:9644');
    let status = 200;
    const asked: (string | undefined)[] = [];
    const server = createServer(({ url }, response) => {
      asked.push(url);
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const ask = () => {
      const child = spawn(
        process.execPath,
        args.map((arg) => arg.replace('9644', String(port))),
      );
      return new Promise((resolve) => child.once('close', resolve));
    };
    expect(await ask()).toBe(0);
    status = 503;
    expect(await ask()).toBe(1);
    await new Promise((resolve) => server.close(resolve));
    expect(await ask()).toBe(1);
    expect(asked).toEqual(['/health/ready', '/health/ready']);
  });
});

describe('the seccomp profile', () => {
  const profile = JSON.parse(readFileSync(join(packaging, 'seccomp.json'), 'utf8'));
  const allowed = new Set<string>(
    profile.syscalls
      .filter(({ action, args, includes }: Record<string, unknown>) => {
        const isAlways = Object.keys((includes as object | undefined) ?? {}).length === 0;
        return action === 'SCMP_ACT_ALLOW' && isAlways && !(args as unknown[] | undefined)?.length;
      })
      .flatMap(({ names }: { names: string[] }) => names),
  );

  it('refuses what it does not name, and lets io_uring through', () => {
    expect(profile.defaultAction).toBe('SCMP_ACT_ERRNO');
    for (const name of ['io_uring_setup', 'io_uring_enter', 'io_uring_register']) expect(allowed).toContain(name);
    for (const name of ['bpf', 'init_module', 'kexec_load', 'ptrace_attach', 'swapon'])
      expect(allowed).not.toContain(name);
  });
});
