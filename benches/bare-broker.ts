/**
 * The least broker as a side of the wire benches: `bare-ring broker`, which answers produces durably and can do nothing else.
 *
 * Not a rival. It says what sockets, checksums and the device cost on this machine beside the load: no broker is faster.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { loadTool } from './load-tools.ts';
import type { Workplace } from './scenario.ts';
import type { Target } from './targets.ts';

export const BARE_BROKER = 'bare broker in Rust, durable';

/** Starts it; it ends with the workplace. Topics need not be created, and requests must be small. */
export async function openBareBroker(workplace: Workplace): Promise<Target> {
  const directory = workplace.directory('bare-broker');
  const child = spawn(loadTool('bare-ring'), ['broker', '--file', join(directory, 'file')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  workplace.defer(async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  });
  const [line] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  if (child.pid === undefined || child.exitCode !== null) throw new Error('bare-ring broker did not start');
  const { address } = JSON.parse(String(line)) as { address: string };
  const ending = () => {
    const how = child.signalCode ?? child.exitCode;
    return how === null ? undefined : `bare-ring broker ended with ${how}`;
  };
  return { name: BARE_BROKER, address, pid: child.pid, directory, ending };
}
