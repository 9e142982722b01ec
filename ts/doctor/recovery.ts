/**
 * What doctor says of the last opening of a data directory: the account that the engine left in `recovery/`.
 *
 * Invariant: reading only, beside a server too; without an account nothing is said.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecoveryDetails } from '../io/recovery-details.ts';
import type { Finding } from './checks.ts';

/** The finding about the newest account in `dir`; undefined when there is none that can be read. */
export function judgeRecovery(dir: string): Finding | undefined {
  const account = newestAccount(dir);
  if (account === undefined) return undefined;
  const when = new Date(account.openedMs).toISOString();
  const detail = `opened ${when} as incarnation ${account.incarnation}: ${account.verdict}${describeFiles(account)}`;
  const file = join(dir, 'recovery', `${account.incarnation}.json`);
  if (account.damage.length > 0) {
    const fix = `${file} names every place; stop the server, then millrace verify --deep ${dir}`;
    return { check: 'last recovery', verdict: 'FAIL', detail, fix };
  }
  if (account.ended === 'first' || account.ended === 'clean') {
    return { check: 'last recovery', verdict: 'OK', detail, fix: '' };
  }
  const fix = `find out why it was not closed; ${file} says what was cut, partition by partition`;
  return { check: 'last recovery', verdict: 'WARN', detail, fix };
}

/** Accounts of older versions say nothing of this. */
function describeFiles({ unnamedFiles = 0, compactedPartitions = 0 }: Partial<RecoveryDetails>): string {
  const removed = `; ${unnamedFiles} files of a settle, compaction or merge that was cut short or superseded were removed`;
  const missing = `; in ${compactedPartitions} compacted partitions offsets are missing by design`;
  return `${unnamedFiles > 0 ? removed : ''}${compactedPartitions > 0 ? missing : ''}`;
}

function newestAccount(dir: string): RecoveryDetails | undefined {
  try {
    const names = readdirSync(join(dir, 'recovery')).flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? []);
    const newest = Math.max(...names.map(Number));
    return JSON.parse(readFileSync(join(dir, 'recovery', `${newest}.json`), 'utf8')) as RecoveryDetails;
  } catch {
    return undefined;
  }
}
