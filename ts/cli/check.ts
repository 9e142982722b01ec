/**
 * `millrace check`: a probe for Nagios and its like, of a running server's `--http` address. One line to stdout, and how it is
 * as the exit code: 0 ok, 1 warning, 2 critical, 3 unknown.
 *
 * Invariant: these exit codes are the probe's own (plug-ins of monitoring systems have them so); a wrong argument is 3 too.
 */
import type { ExitCodeNumber } from './exit.ts';
import { type Address, formatAddress } from './options.ts';
import { DataOutput, type Terminal } from './terminal.ts';

/** What a probe answers. */
export const ProbeCode = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const satisfies Record<
  string,
  ExitCodeNumber
>;

type Verdict = keyof typeof ProbeCode;

export interface CheckOptions {
  readonly http: Address;
  /** Longest wait for an answer, in ms. */
  readonly timeout: number;
}

/** Asks the server how it is. Never throws for what the server does. */
export async function check(options: CheckOptions, terminal: Terminal): Promise<ExitCodeNumber> {
  const { verdict, detail } = await ask(options);
  await new DataOutput(terminal.stdout).text(`MILLRACE ${verdict.toUpperCase()} - ${detail}\n`);
  return ProbeCode[verdict];
}

interface Probed {
  readonly verdict: Verdict;
  readonly detail: string;
}

async function ask({ http, timeout }: CheckOptions): Promise<Probed> {
  const at = formatAddress(http);
  let response: Response;
  try {
    response = await fetch(`http://${at}/v1/status`, { signal: AbortSignal.timeout(timeout) });
  } catch (error) {
    if ((error as Error).name === 'TimeoutError') {
      return { verdict: 'critical', detail: `${at} does not answer within ${timeout} ms` };
    }
    const reason = (error as Error).cause ?? error;
    return { verdict: 'critical', detail: `${at} cannot be reached: ${(reason as Error).message}` };
  }
  if (response.status === 401 || response.status === 403) {
    return { verdict: 'unknown', detail: `${at} does not let this probe in (${response.status})` };
  }
  try {
    return judge((await response.json()) as Status);
  } catch {
    return { verdict: 'unknown', detail: `${at} is not the --http address of a Millrace server` };
  }
}

/** What of `/v1/status` is looked at. */
interface Status {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly poisoned: boolean;
  readonly diskFull: boolean;
  readonly driver: { readonly driver: string };
  readonly recovery: { readonly damage: readonly unknown[] };
  readonly connections: number;
  readonly topics: number;
}

function judge(status: Status): Probed {
  const { version, uptimeSeconds, poisoned, diskFull, driver, recovery, connections, topics } = status;
  if (poisoned) return { verdict: 'critical', detail: 'a flush failed: nothing can be written until it is restarted' };
  if (diskFull) return { verdict: 'critical', detail: 'the disk is full: writes are refused until there is room' };
  const places = recovery.damage.length;
  if (places > 0) {
    return { verdict: 'warning', detail: `its opening met damage in ${places} places: see millrace verify` };
  }
  const counted = `topics=${topics} connections=${connections} uptime=${Math.round(uptimeSeconds)}s`;
  return { verdict: 'ok', detail: `version ${version}, driver ${driver.driver} | ${counted}` };
}
