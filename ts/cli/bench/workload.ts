/**
 * What every bench of `millrace bench` is: something prepared, one operation to repeat, and the conditions to print.
 *
 * Invariant: what a bench creates (topic, keys, directory) carries a name of its own and is gone after `dispose`; what was
 * there before is not touched.
 */
import type { Durability } from '../../durability.ts';
import type { Compression } from '../../log/batch-layout.ts';
import type { Address } from '../options.ts';
import type { ClientOptions } from '../session.ts';
import type { Conditions } from './figures.ts';
import type { Operate } from './load.ts';

/** A prepared bench. */
export interface Workload extends AsyncDisposable {
  readonly conditions: Conditions;
  /** Bytes of a record. */
  readonly bytesEach: number;
  /** Records of one operation; undefined when each has its own number, so that no rate can be asked for. */
  readonly recordsEach: number | undefined;
  readonly operate: Operate;
}

/** What all benches understand, as the command line gives it. */
export interface BenchOptions extends ClientOptions {
  readonly clients: number;
  readonly inFlight: number;
  /** Bytes of a value. */
  readonly size: number;
  /** Where an embedded bench works: a directory of its own is made in it, and removed. */
  readonly dir?: string;
  readonly flush: string;
  readonly durability: Durability;
}

export interface LogBenchOptions extends BenchOptions {
  readonly topic?: string;
  readonly partitions: number;
  /** Records of one request. */
  readonly batch: number;
  /** What is written before it is read, in records. */
  readonly records: number;
  readonly acks: '-1' | 'all' | '1' | '0';
  readonly compression: Compression;
}

export interface KvBenchOptions extends BenchOptions {
  readonly redis: Address;
  readonly keys: number;
  /** Per cent of operations that read. */
  readonly reads: number;
}

export type DiskBenchOptions = Pick<BenchOptions, 'dir' | 'size' | 'clients' | 'inFlight'>;

/** A name that nobody has yet. */
export function ownName(): string {
  return `millrace-bench-${process.pid}-${Date.now().toString(36)}`;
}
