/**
 * The options of an engine: each declared once with kind, default, limits and meaning.
 *
 * Not topics' settings (ts/broker) and not the flush policy's meaning (ts/durability.ts). To remember: the addon has no
 * default of its own; what is not decided here does not exist.
 */

import type { Durability, FlushInput } from './durability.ts';
import { flushNumbers, levelNumber, parseFlush } from './durability.ts';
import { MillraceError } from './errors.ts';
import type { NativeOptions } from './io/native-types.ts';
import type { FlushPolicy } from './log/types.ts';
import { parseSize } from './units.ts';

/** How to do I/O. `sim` is a simulated disk in memory, for tests. */
export type DriverName = 'auto' | 'ring' | 'pool' | 'sim';

/** What `openLog` and `openEngine` take; everything is optional. */
export interface EngineOptions {
  /** When the journal is flushed. Default `always`. */
  flush?: FlushInput | undefined;
  /** What an append waits for unless it says otherwise. Default `durable`. */
  durability?: Durability | undefined;
  /** Default `auto`: io_uring where the kernel lets us, a thread pool otherwise. */
  driver?: DriverName | undefined;
  /** Simulated disk: its seed, and the id under which it can be opened again. */
  sim?: { seed: number; id: string } | undefined;
  /** Capacity of one journal file, 1 MiB to 1 GiB. */
  journalFileBytes?: number | string | undefined;
  /** Journal files that are recycled in turn, 3 to 64. */
  journalFiles?: number | undefined;
  /** Memory for what is not settled yet and for hot reads, 8 MiB upwards. */
  memoryBytes?: number | string | undefined;
  /** Unsettled bytes at which settling starts. */
  settleBytes?: number | string | undefined;
  /** Unsettled bytes of one partition from which it gets a segment of its own. */
  ownSegmentBytes?: number | string | undefined;
  /** Size at which a segment is rolled. */
  segmentBytes?: number | string | undefined;
  /**
   * Values of stores from this size on are written once, to a large file; 0: none are, and a value has at most 32 MiB.
   */
  largeValueBytes?: number | string | undefined;
  /** Bytes of a segment between two entries of its offset index. */
  indexIntervalBytes?: number | string | undefined;
  /** Memory for sealed data that is read before readers ask for it; 0: none is. */
  readAheadBytes?: number | string | undefined;
}

interface SizeOption {
  readonly name:
    | 'journalFileBytes'
    | 'memoryBytes'
    | 'settleBytes'
    | 'ownSegmentBytes'
    | 'segmentBytes'
    | 'largeValueBytes'
    | 'indexIntervalBytes'
    | 'readAheadBytes';
  readonly default: number;
  readonly least: number;
  readonly most: number;
  /** What it is for, in one sentence. */
  readonly doc: string;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
/** Direct I/O is done in blocks of this size; file sizes are whole blocks. */
const BLOCK = 4 * KIB;

/** Sizes in bytes, with default and limits. */
export const sizeOptions: readonly SizeOption[] = [
  { name: 'journalFileBytes', default: 64 * MIB, least: MIB, most: GIB, doc: 'Capacity of one journal file.' },
  {
    name: 'memoryBytes',
    default: 256 * MIB,
    least: 8 * MIB,
    most: 64 * GIB,
    doc: 'Memory for what is not settled yet and for hot reads.',
  },
  {
    name: 'settleBytes',
    default: 64 * MIB,
    least: 256 * KIB,
    most: 16 * GIB,
    doc: 'Unsettled bytes at which settling starts.',
  },
  {
    name: 'ownSegmentBytes',
    default: MIB,
    least: 4 * KIB,
    most: GIB,
    doc: 'Unsettled bytes of one partition from which it gets a segment of its own.',
  },
  { name: 'segmentBytes', default: 256 * MIB, least: MIB, most: 2 * GIB, doc: 'Size at which a segment is rolled.' },
  {
    name: 'largeValueBytes',
    default: 64 * KIB,
    least: 0,
    most: 512 * MIB,
    doc: 'Values of stores from this size on are written once, to a large file; 0: none are, and a value has at most 32 MiB.',
  },
  {
    name: 'indexIntervalBytes',
    default: 16 * KIB,
    least: KIB,
    most: MIB,
    doc: 'Bytes of a segment between two entries of its offset index.',
  },
  {
    name: 'readAheadBytes',
    default: 32 * MIB,
    least: 0,
    most: 16 * GIB,
    doc: 'Memory for sealed data that is read before readers that go on in order ask for it; 0: none is.',
  },
];

/** Number of journal files, with default and limits. */
export const journalFilesOption = {
  default: 4,
  least: 3,
  most: 64,
  doc: 'Journal files that are recycled in turn.',
};
const drivers: readonly DriverName[] = ['auto', 'ring', 'pool', 'sim'];

/** Options with every value decided. */
export interface DecidedOptions {
  flush: FlushPolicy;
  durability: Durability;
  native: NativeOptions;
}

/** Checks `options`, fills in what was left out, and turns units into numbers. Throws MILLRACE_OPTION. */
export function decideOptions(dir: string, options: EngineOptions): DecidedOptions {
  if (typeof dir !== 'string' || dir === '' || dir.includes('\0')) {
    throw new MillraceError('MILLRACE_OPTION', 'the data directory must be a path');
  }
  refuseUnknown(options);
  const flush = parseFlush(options.flush ?? 'always');
  const durability = options.durability ?? 'durable';
  levelNumber(durability);
  const driver = decideDriver(options);
  const sizes = Object.fromEntries(sizeOptions.map((option) => [option.name, decideSize(option, options)])) as Record<
    SizeOption['name'],
    number
  >;
  const policy = flushNumbers(flush);
  const native: NativeOptions = {
    dir,
    driver,
    simSeed: options.sim?.seed ?? 0,
    simId: options.sim?.id ?? '',
    flushAlways: policy.always,
    flushRecords: policy.records,
    flushBytes: policy.bytes,
    flushIntervalMs: policy.intervalMs,
    journalFiles: decideJournalFiles(options.journalFiles),
    ...sizes,
    journalFileBytes: Math.floor(sizes.journalFileBytes / BLOCK) * BLOCK,
  };
  checkRelations(native);
  return { flush, durability, native };
}

function decideDriver(options: EngineOptions): DriverName {
  const driver = options.driver ?? (options.sim ? 'sim' : 'auto');
  if (!drivers.includes(driver)) {
    throw new MillraceError('MILLRACE_OPTION', `driver must be one of ${drivers.join(', ')}, not ${String(driver)}`);
  }
  if ((driver === 'sim') !== (options.sim !== undefined)) {
    throw new MillraceError('MILLRACE_OPTION', 'driver sim and the option sim: { seed, id } belong together');
  }
  if (options.sim && (!Number.isSafeInteger(options.sim.seed) || options.sim.seed < 0 || options.sim.id === '')) {
    throw new MillraceError('MILLRACE_OPTION', 'sim needs a seed that is a whole number and an id that is not empty');
  }
  return driver;
}

function decideSize(option: SizeOption, options: EngineOptions): number {
  const given = options[option.name];
  if (given === undefined) return option.default;
  const bytes = parseSize(option.name, given);
  if (bytes < option.least || bytes > option.most) {
    throw new MillraceError(
      'MILLRACE_OPTION',
      `${option.name} must lie between ${option.least} and ${option.most} bytes`,
    );
  }
  return bytes;
}

function decideJournalFiles(given: number | undefined): number {
  const files = given ?? journalFilesOption.default;
  if (!Number.isSafeInteger(files) || files < journalFilesOption.least || files > journalFilesOption.most) {
    throw new MillraceError(
      'MILLRACE_OPTION',
      `journalFiles must lie between ${journalFilesOption.least} and ${journalFilesOption.most}`,
    );
  }
  return files;
}

/** Relations between options that the engine asserts again. */
function checkRelations(native: NativeOptions): void {
  const journal = native.journalFileBytes * native.journalFiles;
  if (native.settleBytes > journal / 2) {
    native.settleBytes = Math.max(256 * KIB, Math.floor(journal / 2));
  }
  if (native.settleBytes > native.memoryBytes / 2) native.settleBytes = Math.floor(native.memoryBytes / 2);
  if (native.ownSegmentBytes > native.segmentBytes) native.ownSegmentBytes = native.segmentBytes;
}

const known = new Set<string>([
  'flush',
  'durability',
  'driver',
  'sim',
  'journalFiles',
  'signal',
  ...sizeOptions.map((o) => o.name),
]);

/** An unknown key is a typing mistake: refused with the nearest name. */
function refuseUnknown(options: EngineOptions): void {
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue;
    const near = [...known].find((other) => other.toLowerCase().startsWith(name.slice(0, 4).toLowerCase()));
    throw new MillraceError('MILLRACE_OPTION', `unknown option ${name}${near ? `; did you mean ${near}?` : ''}`);
  }
}
