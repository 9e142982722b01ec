/**
 * `millrace kv export | import`: a store as lines of JSON, `{"k": key, "v": value, "x": expiry}`, keys and values in
 * base64, the expiry in ms since 1970 where there is one.
 *
 * Invariant: export is of one moment; import is in batches of which each is atomic, so that an import that is broken off
 * can be repeated.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { KvBatch } from '../index.ts';
import { CliError, ExitCode, type ExitCodeNumber } from './exit.ts';
import { openStore, type RangeChoice, rangeOf, type StoreOptions } from './kv-session.ts';
import { Progress } from './progress.ts';
import { DataOutput, type Terminal, tell } from './terminal.ts';

interface Wanted {
  readonly progress: boolean;
}

const BATCH_KEYS = 1000;
const BATCH_BYTES = 1024 * 1024;

/** Writes a range to `file`, or to stdout. */
export async function exportTo(
  file: string | undefined,
  options: RangeChoice & Wanted,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  await using kv = await openStore(options, false);
  const stream = file === undefined ? terminal.stdout : createWriteStream(file, { flags: 'wx', mode: 0o600 });
  const output = new DataOutput(stream);
  let count = 0;
  {
    using _line = new Progress(terminal, () => `${count} keys`, options.progress);
    for await (const { key, value, expiresMs } of kv.records(rangeOf(options))) {
      const line = { k: key.toString('base64'), v: value.toString('base64'), x: expiresMs };
      if (output.add([Buffer.from(`${JSON.stringify(line)}\n`)])) await output.flush();
      count += 1;
    }
    await output.flush();
  }
  if (file !== undefined) await new Promise<void>((resolve) => stream.end(resolve));
  tell(terminal, `${count} keys`);
  return ExitCode.ok;
}

/** Puts what `file`, or stdin, holds. */
export async function importFrom(
  file: string | undefined,
  options: StoreOptions & Wanted,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  await using kv = await openStore(options, true);
  const input = file === undefined ? terminal.stdin : createReadStream(file);
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  let count = 0;
  let number = 0;
  using _line = new Progress(terminal, () => `${count} keys`, options.progress);
  const open: Promise<boolean>[] = [];
  let batch = kv.batch();
  let bytes = 0;
  for await (const line of lines) {
    number += 1;
    if (line === '') continue;
    bytes += add(batch, line, number);
    count += 1;
    if (batch.length < BATCH_KEYS && bytes < BATCH_BYTES) continue;
    open.push(batch.write({ durability: 'written' }));
    if (open.length > 8) await open.shift();
    batch = kv.batch();
    bytes = 0;
  }
  open.push(batch.write({ durability: 'written' }));
  await Promise.all(open);
  await kv.flush();
  tell(terminal, `${count} keys`);
  return ExitCode.ok;
}

/** Adds one line to a batch; answers its bytes. Throws exit code 4 for a line that export has not written. */
function add(batch: KvBatch<'buffer', 'buffer'>, line: string, number: number): number {
  const { k, v, x } = parse(line, number);
  const [key, value] = [Buffer.from(k, 'base64'), Buffer.from(v, 'base64')];
  // What has expired meanwhile is not there any more.
  if (x === undefined || x > Date.now()) batch.put(key, value, { expiresMs: x });
  else batch.del(key);
  return key.length + value.length;
}

function parse(line: string, number: number): { k: string; v: string; x: number | undefined } {
  const wrong = (): CliError => new CliError(ExitCode.damaged, `line ${number} is not what kv export writes`);
  let read: { k?: unknown; v?: unknown; x?: unknown };
  try {
    read = JSON.parse(line) as typeof read;
  } catch {
    throw wrong();
  }
  const { k, v, x } = read ?? {};
  if (typeof k !== 'string' || typeof v !== 'string') throw wrong();
  if (x !== undefined && (typeof x !== 'number' || !Number.isSafeInteger(x) || x <= 0)) throw wrong();
  return { k, v, x };
}
