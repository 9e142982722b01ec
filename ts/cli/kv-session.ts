/**
 * What the verbs of `millrace kv` share: the open directory, and keys and values as a command line writes them.
 *
 * Invariant: only `put` and `import` make a directory or a store; every other verb refuses one that is not there.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Kv, openKv } from '../index.ts';
import { CliError, ExitCode, usage } from './exit.ts';

/** A store whose keys and values are bytes. */
export type ByteStore = Kv<'buffer', 'buffer'>;

/** Options that every verb has. */
export interface StoreOptions {
  readonly dir: string;
  readonly store: string;
  readonly encoding: 'utf8' | 'hex' | 'base64';
}

/** Options of verbs that read a range. */
export interface RangeChoice extends StoreOptions {
  readonly prefix?: string;
  readonly gt?: string;
  readonly gte?: string;
  readonly lt?: string;
  readonly lte?: string;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** Opens the store; with `create`, makes it when it is not there. Throws exit code 3 otherwise. */
export async function openStore({ dir, store }: StoreOptions, create: boolean): Promise<ByteStore> {
  if (!create && !existsSync(join(dir, 'manifest'))) {
    throw new CliError(ExitCode.notFound, `${dir}: no data directory`);
  }
  try {
    return await openKv(dir, { store, createIfMissing: create, keyEncoding: 'buffer', valueEncoding: 'buffer' });
  } catch (error) {
    if ((error as { code?: string }).code !== 'MILLRACE_UNKNOWN_STORE') throw error;
    throw new CliError(ExitCode.notFound, `${dir} has no store ${store}`);
  }
}

/** Bytes of a key or value as it was given. Throws a usage error. */
export function bytesOf(text: string, { encoding }: Pick<StoreOptions, 'encoding'>): Buffer {
  const bytes = Buffer.from(text, encoding);
  const isRight =
    encoding === 'utf8' || textOf(bytes, { encoding }) === (encoding === 'hex' ? text.toLowerCase() : text);
  if (!isRight) throw usage(`${text} is not ${encoding}`);
  return bytes;
}

/** A key or value as it is shown. */
export function textOf(bytes: Buffer, { encoding }: Pick<StoreOptions, 'encoding'>): string {
  return bytes.toString(encoding);
}

/** The range that options choose. */
export function rangeOf(options: RangeChoice): Parameters<ByteStore['records']>[0] {
  const bound = (text: string | undefined): Buffer | undefined =>
    text === undefined ? undefined : bytesOf(text, options);
  return {
    prefix: bound(options.prefix),
    gt: bound(options.gt),
    gte: bound(options.gte),
    lt: bound(options.lt),
    lte: bound(options.lte),
    reverse: options.reverse,
    limit: options.limit,
  };
}
