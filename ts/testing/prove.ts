/**
 * `provePowerCuts`: many power cuts on simulated disks under a flush policy and durability level of yours, each judged by
 * what was acknowledged before it. What `millrace prove` runs.
 *
 * Not a proof about your device: the simulated one keeps its flushes, as yours must. To remember: one seed is one run,
 * and a run of one cut with that seed does the same again.
 */
import { type Durability, describeFlush, describeLoss, type FlushInput, parseFlush } from '../durability.ts';
import type { LogTopic } from '../log/log-topic.ts';
import type { Log } from '../log/open-log.ts';
import { SimulatedDisk } from './simulated-disk.ts';

/** What is to be proven. */
export interface ProofOptions {
  /** Default `always`. */
  readonly flush?: FlushInput;
  /** What every append waits for. Default `durable`. */
  readonly durability?: Durability;
  /** Power cuts. Default 1,000. */
  readonly cuts?: number;
  /** The first seed. Default 1. */
  readonly seed?: number;
  /** Told after every cut. */
  readonly onCut?: (sofar: Certificate) => void;
  readonly signal?: AbortSignal;
}

/** What came of it. */
export interface Certificate {
  readonly flush: string;
  readonly durability: Durability;
  /** What may be lost, in words. */
  readonly allowed: string;
  readonly seed: number;
  readonly cuts: number;
  /** Operations of the disk that were in flight or done, over all runs. */
  readonly operations: number;
  /** Records whose append was called. */
  readonly appended: number;
  /** Of those, acknowledged at the level asked for before the power went. */
  readonly acknowledged: number;
  /** Of those acknowledged, not there afterwards. */
  readonly lost: number;
  /** The most that one cut took of what was acknowledged. */
  readonly lostAtOnce: number;
  /** What must never be, each with its seed. */
  readonly violations: readonly { readonly seed: number; readonly what: string }[];
}

/** Partitions of a run's topic. */
const PARTITIONS = 2;
/** Lives of one disk: each ends with a cut. */
const LIVES = 4;
/** How long one life may take in real time, ms: a wait that does not end is a violation, not a hang. */
const PATIENCE_MS = 20_000;

type Counts = { -readonly [K in keyof Certificate]: Certificate[K] };

/** Runs the cuts. Rejects when `signal` aborts, and with MILLRACE_OPTION for a policy that is none. */
export async function provePowerCuts(options: ProofOptions = {}): Promise<Certificate> {
  const { flush = 'always', durability = 'durable', cuts = 1000, seed = 1, onCut, signal } = options;
  const policy = parseFlush(flush);
  const counts: Counts = {
    flush: describeFlush(policy),
    durability,
    allowed: describeLoss(policy, durability),
    seed,
    cuts: 0,
    operations: 0,
    appended: 0,
    acknowledged: 0,
    lost: 0,
    lostAtOnce: 0,
    violations: [],
  };
  for (let next = seed; counts.cuts < cuts; next++) {
    using run = new Run(next, flush, durability, counts);
    for (let life = 0; life < LIVES && counts.cuts < cuts; life++) {
      signal?.throwIfAborted();
      const what = await run.live();
      counts.cuts += 1;
      if (what !== undefined) counts.violations = [...counts.violations, { seed: next, what }];
      onCut?.({ ...counts });
      if (what !== undefined) break;
    }
  }
  return counts;
}

/** What was appended to one partition, in order, and how much of it was acknowledged. */
interface Sent {
  readonly value: number;
  acknowledged: boolean;
}

/** One disk through its lives. */
class Run implements Disposable {
  readonly #disk: SimulatedDisk;
  readonly #flush: FlushInput;
  readonly #durability: Durability;
  readonly #counts: Counts;
  readonly #sent: Sent[][] = Array.from({ length: PARTITIONS }, () => []);
  #state: number;
  #next = 0;

  constructor(seed: number, flush: FlushInput, durability: Durability, counts: Counts) {
    this.#disk = new SimulatedDisk(seed);
    this.#state = seed >>> 0;
    this.#flush = flush;
    this.#durability = durability;
    this.#counts = counts;
  }

  /** Opens, appends, cuts, opens and checks. Answers what must never be, if it was. */
  async live(): Promise<string | undefined> {
    const before = this.#disk.operations;
    const log = await this.#open();
    const topic = await log.topic('proof', { partitions: PARTITIONS });
    await this.#work(topic);
    this.#disk.cutPower();
    this.#counts.operations += Math.max(0, this.#disk.operations - before);
    await log.close().catch(() => undefined);
    const again = await this.#open();
    try {
      return await this.#check(again);
    } finally {
      await again.close();
    }
  }

  #open(): Promise<Log> {
    return this.#disk.openLog({ flush: this.#flush, journalFileBytes: '1mb', memoryBytes: '8mb' });
  }

  /** A number below `bound` (mulberry32). */
  #draw(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }

  /** Appends for some turns; what is acknowledged by the end counts. */
  async #work(topic: LogTopic): Promise<void> {
    const turns = 1 + this.#draw(12);
    for (let turn = 0; turn < turns; turn++) {
      const appends = this.#draw(6);
      for (let index = 0; index < appends; index++) this.#append(topic);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #append(topic: LogTopic): void {
    const partition = this.#draw(PARTITIONS);
    const sent: Sent = { value: this.#next++, acknowledged: false };
    const value = Buffer.alloc(8 + this.#draw(600), sent.value & 0xff);
    value.writeDoubleLE(sent.value, 0);
    this.#sent[partition]?.push(sent);
    this.#counts.appended += 1;
    const counts = this.#counts;
    topic.append({ value }, { partition, durability: this.#durability }).then(
      () => {
        sent.acknowledged = true;
        counts.acknowledged += 1;
      },
      () => undefined,
    );
  }

  /** What came back must be what was appended, in order, without a hole; and nothing acknowledged as durable is gone. */
  async #check(log: Log): Promise<string | undefined> {
    // Acknowledgements of the last turn of the old engine have run by now.
    if (log.recovery.damage.length > 0) return `damage on an honest device: ${JSON.stringify(log.recovery.damage)}`;
    if (!log.topics().includes('proof')) return 'the topic is gone although its creation had resolved';
    const topic = await log.topic('proof');
    let lostNow = 0;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const sent = this.#sent[partition] ?? [];
      let found = 0;
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const records = topic.read({ partition, from: 'earliest', follow: false, signal }).records();
      for await (const { value } of records) {
        const expected = sent[found];
        const number = value && value.length >= 8 ? Buffer.from(value).readDoubleLE(0) : Number.NaN;
        if (expected?.value !== number) {
          return `partition ${partition}: record ${found} is ${number} and not ${expected?.value}`;
        }
        found += 1;
      }
      const gone = sent.slice(found).filter((one) => one.acknowledged).length;
      if (gone > 0 && this.#durability === 'durable') {
        return `partition ${partition}: ${gone} records acknowledged as durable are gone`;
      }
      lostNow += gone;
      sent.length = found;
    }
    this.#counts.lost += lostNow;
    this.#counts.lostAtOnce = Math.max(this.#counts.lostAtOnce, lostNow);
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#disk[Symbol.dispose]();
  }
}
