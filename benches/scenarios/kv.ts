/** The key-value store inside a Node process against those that Node programs use: 16 B keys, 100 B values. */
import { runProgram } from '../node-program.ts';
import { installKvStores } from '../rivals/kv-stores.ts';
import type { Goal, Scenario, Side, Workplace } from '../scenario.ts';

const MILLRACE = 'millrace';
const KEYS = 1_000_000;
const SMOKE_KEYS = 20_000;

interface Comparison {
  readonly work: string;
  readonly what: string;
  readonly rivals: readonly string[];
  readonly goals: readonly Goal[];
  /** The same directory each time: what the first run fills, all others use. */
  readonly keepsDirectory?: boolean;
  /** Of a full run, instead of 1 M. */
  readonly keys?: number;
  /** Name of the bench, where it is not that of the work. */
  readonly name?: string;
}

function faster(against: string, ratioAtLeast: number): Goal {
  return { figure: 'requestsPerSecond', side: MILLRACE, against, ratioAtLeast };
}

const everybody = ['lmdb', 'classic-level', 'rocksdb', 'better-sqlite3'];
const comparisons: readonly Comparison[] = [
  {
    work: 'get-sync',
    what: 'one value at a time, without a promise, all of them in memory',
    rivals: ['lmdb', 'classic-level', 'better-sqlite3'],
    goals: [faster('lmdb', 1)],
    keepsDirectory: true,
  },
  {
    work: 'get-64',
    what: '64 values awaited together',
    rivals: everybody,
    goals: [faster('lmdb', 1)],
    keepsDirectory: true,
  },
  { work: 'scan', what: 'all entries in order', rivals: everybody, goals: [faster('lmdb', 1)], keepsDirectory: true },
  {
    work: 'put-64',
    what: '64 callers, each waits until its put is durable',
    rivals: everybody,
    goals: [faster('lmdb', 2.5)],
  },
  {
    work: 'put-1',
    what: 'one caller, waits until its put is durable',
    rivals: everybody,
    goals: [faster('better-sqlite3', 1)],
  },
  {
    work: 'batch-1000',
    what: 'batches of 1,000 puts, each waited for until it is durable; figures are batches',
    rivals: everybody,
    goals: [faster('rocksdb', 1.5)],
  },
  {
    work: 'load',
    what: 'batches of 1,000 puts into an empty store, without waiting for the device',
    rivals: everybody,
    goals: [faster('rocksdb', 1.5)],
  },
  {
    work: 'open',
    what: 'opening a store that was closed',
    rivals: everybody,
    goals: [{ figure: 'milliseconds', side: MILLRACE, against: MILLRACE, atMost: 150 }],
    keepsDirectory: true,
  },
  {
    work: 'open-without-hints',
    what: 'opening a store whose hints were deleted',
    rivals: [],
    goals: [{ figure: 'milliseconds', side: MILLRACE, against: MILLRACE, atMost: 700 }],
    keepsDirectory: true,
  },
  {
    work: 'open',
    name: 'open-10m',
    what: 'opening a store of 10 M keys',
    rivals: [],
    goals: [
      { figure: 'milliseconds', side: MILLRACE, against: MILLRACE, atMost: 3000 },
      { figure: 'keydirBytesPerKey', side: MILLRACE, against: MILLRACE, atMost: 40 },
    ],
    keepsDirectory: true,
    keys: 10_000_000,
  },
  {
    work: 'open-without-hints',
    name: 'open-10m-without-hints',
    what: 'opening a store of 10 M keys whose hints were deleted',
    rivals: [],
    goals: [{ figure: 'milliseconds', side: MILLRACE, against: MILLRACE, atMost: 15_000 }],
    keepsDirectory: true,
    keys: 10_000_000,
  },
];

function side(engine: string, comparison: Comparison, workplace: Workplace, packages: string): Side {
  const { warmUpSeconds, seconds, rivals } = workplace.size;
  let run = 0;
  return {
    name: engine,
    measure() {
      if (!comparison.keepsDirectory) run += 1;
      return runProgram('kv-work.ts', {
        engine,
        work: comparison.work,
        keys: rivals ? (comparison.keys ?? KEYS) : SMOKE_KEYS,
        directory: workplace.directory(`${engine}-${run}`),
        packages,
        'warm-up': warmUpSeconds,
        duration: seconds,
      });
    },
  };
}

/** Bytes of the store that is merged. */
const MERGE_BYTES = 4e9;
const SMOKE_MERGE_BYTES = 8e6;

const merging: Scenario = {
  name: 'kv-merge',
  what: 'durable puts of 4 callers while a store that is half dead is merged, against the same while nothing runs',
  goals: [{ figure: 'p99Ratio', side: MILLRACE, against: MILLRACE, atMost: 1.5 }],
  async open(workplace) {
    const { seconds, rivals } = workplace.size;
    let run = 0;
    const measure: Side['measure'] = () => {
      run += 1;
      const bytes = rivals ? MERGE_BYTES : SMOKE_MERGE_BYTES;
      return runProgram('kv-merge.ts', { bytes, directory: workplace.directory(`merge-${run}`), duration: seconds });
    };
    return [{ name: MILLRACE, measure }];
  },
};

/** `kv-get-sync` and so on. Without rivals the store has 20,000 keys, otherwise 1 M. */
const compared: readonly Scenario[] = comparisons.map((comparison) => ({
  name: `kv-${comparison.name ?? comparison.work}`,
  what: comparison.what,
  goals: comparison.goals,
  async open(workplace) {
    if (!workplace.size.rivals) return [side(MILLRACE, comparison, workplace, '')];
    const packages = comparison.rivals.length > 0 ? await installKvStores() : '';
    return [MILLRACE, ...comparison.rivals].map((engine) => side(engine, comparison, workplace, packages));
  },
}));

/** The comparisons, and what a merge costs those who write meanwhile. */
export const kvScenarios: readonly Scenario[] = [...compared, merging];
