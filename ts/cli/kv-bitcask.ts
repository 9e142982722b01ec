/**
 * `millrace kv import --bitcask DIR`: puts what a directory of plain Bitcask data files holds.
 *
 * Invariant: the whole directory is verified before the first key is put; an import that is broken off can be repeated.
 */
import { type BitcaskRest, bitcaskWrites } from './bitcask-directory.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { openStore, type StoreOptions } from './kv-session.ts';
import { Progress } from './progress.ts';
import { type Terminal, tell } from './terminal.ts';

const BATCH_KEYS = 1000;
const BATCH_BYTES = 1024 * 1024;
const BATCHES_OPEN = 8;

/** Reads `from` and puts its keys into the store. */
export async function importBitcask(
  from: string,
  options: StoreOptions & { readonly progress: boolean },
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  let count = 0;
  let what = 'records verified';
  using _line = new Progress(terminal, () => `${count} ${what}`, options.progress);
  for await (const _ of bitcaskWrites(from, { tornBytes: 0, unfinished: 0 })) count += 1;
  count = 0;
  what = 'records';
  await using kv = await openStore(options, true);
  const rest: BitcaskRest = { tornBytes: 0, unfinished: 0 };
  const open: Promise<boolean>[] = [];
  let batch = kv.batch();
  let bytes = 0;
  for await (const { key, value } of bitcaskWrites(from, rest)) {
    if (value === undefined) batch.del(key);
    else batch.put(key, value);
    bytes += key.length + (value?.length ?? 0);
    count += 1;
    if (batch.length < BATCH_KEYS && bytes < BATCH_BYTES) continue;
    open.push(batch.write({ durability: 'written' }));
    if (open.length > BATCHES_OPEN) await open.shift();
    batch = kv.batch();
    bytes = 0;
  }
  open.push(batch.write({ durability: 'written' }));
  await Promise.all(open);
  await kv.flush();
  tell(terminal, `${count} records, ${kv.count()} keys`);
  if (rest.unfinished > 0) tell(terminal, `${rest.unfinished} records of batches without an end were left out`);
  if (rest.tornBytes > 0) tell(terminal, `${rest.tornBytes} bytes behind the last whole record were left out`);
  return ExitCode.ok;
}
