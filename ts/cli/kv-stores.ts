/**
 * `millrace kv stats | merge`: what the stores of a directory hold and cost, and giving back what is dead.
 *
 * Invariant: a merge that ends with exit code 0 has ended.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { openStore, type StoreOptions } from './kv-session.ts';
import { Progress } from './progress.ts';
import { type Form, print } from './report.ts';
import { type Terminal, tell } from './terminal.ts';

const LOOK_MS = 20;

/** Prints figures of every store. */
export async function stats(options: StoreOptions & Form, terminal: Terminal): Promise<ExitCodeNumber> {
  await using kv = await openStore(options, false);
  const rows: [string, string, number][] = [];
  const data: Record<string, unknown>[] = [];
  for (const name of kv.stores()) {
    const figures = (await kv.store(name)).stats();
    data.push({ store: name, ...figures });
    for (const [figure, value] of Object.entries(figures)) rows.push([name, figure, Number(value)]);
  }
  await print(terminal, options, { headings: ['STORE', 'FIGURE', 'VALUE'], rows }, data);
  return ExitCode.ok;
}

/** Merges a store to its end. */
export async function merge(
  options: StoreOptions & { readonly progress: boolean },
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  await using kv = await openStore(options, false);
  // Only what is settled can be merged.
  await kv.flush();
  kv.merge();
  {
    using _line = new Progress(terminal, () => 'merging', options.progress);
    while (Number(kv.stats().merging ?? 0) > 0) await sleep(LOOK_MS);
  }
  tell(terminal, `${options.store} is merged`);
  return ExitCode.ok;
}
