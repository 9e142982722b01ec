/**
 * `millrace kv get | put | del | scan`: keys of one store.
 *
 * Invariant: what is written is durable when the verb ends; a value is printed as it is, byte for byte, unless it goes
 * into a line with others.
 */
import { printable } from './columns.ts';
import { CliError, ExitCode, type ExitCodeNumber } from './exit.ts';
import { bytesOf, openStore, type RangeChoice, rangeOf, type StoreOptions, textOf } from './kv-session.ts';
import type { Form } from './report.ts';
import { DataOutput, type Terminal, tell } from './terminal.ts';

/** Prints a value. */
export async function get(key: string, options: StoreOptions & Form, terminal: Terminal): Promise<ExitCodeNumber> {
  await using kv = await openStore(options, false);
  const entry = await kv.getEntry(bytesOf(key, options));
  if (!entry) throw new CliError(ExitCode.notFound, `no key ${printable(key)}`);
  const output = new DataOutput(terminal.stdout);
  const { value, sequence, expiresMs } = entry;
  if (options.format === 'json') {
    const shown = { key, value: textOf(value, options), sequence: Number(sequence), expiresMs };
    await output.text(`${JSON.stringify(shown)}\n`);
  } else if (options.encoding === 'utf8') {
    output.add([value, Buffer.from('\n')]);
    await output.flush();
  } else await output.text(`${textOf(value, options)}\n`);
  return ExitCode.ok;
}

/** Sets a key. */
export async function put(
  key: string,
  value: string,
  options: StoreOptions & { readonly ttl?: number; readonly ifAbsent?: boolean },
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const bytes = value === '-' ? await readAll(terminal) : bytesOf(value, options);
  await using kv = await openStore(options, true);
  const { ttl, ifAbsent } = options;
  const isDone = await kv.put(bytesOf(key, options), bytes, { ttlMs: ttl, ifAbsent });
  if (!isDone) tell(terminal, `millrace: ${printable(key)} is there already`);
  return isDone ? ExitCode.ok : ExitCode.failure;
}

async function readAll({ stdin }: Terminal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Removes keys. */
export async function del(keys: readonly string[], options: StoreOptions, terminal: Terminal): Promise<ExitCodeNumber> {
  await using kv = await openStore(options, false);
  const encoded = [...new Set(keys)].map((key) => bytesOf(key, options));
  const found = await kv.hasMany(encoded);
  const batch = kv.batch();
  for (const key of encoded) batch.del(key);
  await batch.write();
  await new DataOutput(terminal.stdout).text(`${found.filter(Boolean).length}\n`);
  return ExitCode.ok;
}

/** Prints a range, a line an entry. */
export async function scan(
  options: RangeChoice & Form & { readonly keys?: boolean },
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  await using kv = await openStore(options, false);
  const output = new DataOutput(terminal.stdout);
  const line = { json: jsonLine, text: textLine, wide: wideLine }[options.format];
  if (options.keys) {
    for await (const key of kv.keys(rangeOf(options))) {
      const text = textOf(key, options);
      const shown = options.format === 'json' ? JSON.stringify({ key: text }) : printable(text);
      if (output.add([Buffer.from(`${shown}\n`)])) await output.flush();
    }
  } else {
    for await (const { key, value, sequence, expiresMs } of kv.records(rangeOf(options))) {
      const shown = line({ key: textOf(key, options), value: textOf(value, options), sequence, expiresMs });
      if (output.add([Buffer.from(`${shown}\n`)])) await output.flush();
    }
  }
  await output.flush();
  return ExitCode.ok;
}

interface Shown {
  readonly key: string;
  readonly value: string;
  readonly sequence: bigint;
  readonly expiresMs: number | undefined;
}

function jsonLine({ key, value, sequence, expiresMs }: Shown): string {
  return JSON.stringify({ key, value, sequence: Number(sequence), expiresMs });
}

function textLine({ key, value }: Shown): string {
  return `${printable(key)}\t${printable(value)}`;
}

/** With the sequence number and when it expires. */
function wideLine(shown: Shown): string {
  const { sequence, expiresMs } = shown;
  return `${textLine(shown)}\t${sequence}\t${expiresMs === undefined ? '-' : new Date(expiresMs).toISOString()}`;
}
