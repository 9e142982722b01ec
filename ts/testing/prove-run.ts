/**
 * One simulated disk through its lives for `provePowerCuts`: opens, appends, breaks, cuts, opens again and judges.
 *
 * Not the counting over many disks (prove.ts). To remember: what is acknowledged as durable must be there whatever fault
 * came before the cut; what is there must be what was appended, in order, without a hole.
 */
import type { Durability, FlushInput } from '../durability.ts';
import type { LogTopic } from '../log/log-topic.ts';
import type { Log } from '../log/open-log.ts';
import type { PartitionSettings } from '../log/types.ts';
import { SimulatedDisk } from './simulated-disk.ts';

/** Partitions of each topic. */
const PARTITIONS = 2;
/** How long one life may take in real time, ms: a wait that does not end is a violation, not a hang. */
const PATIENCE_MS = 20_000;

/** A topic of a run, and what its appends may ask for. */
export interface RunTopic {
  readonly levels: readonly Durability[];
  readonly partitions: PartitionSettings;
}

/** Of one level: what was acknowledged, and what of that was gone afterwards. */
export interface LevelCounts {
  acknowledged: number;
  lost: number;
}

/** What lives came to; topics in the order they were given. */
export interface RunCounts {
  faults: number;
  operations: number;
  appended: number;
  acknowledged: number;
  lost: number;
  lostAtOnce: number;
  readonly topics: readonly Record<Durability, LevelCounts>[];
}

/** What was appended to one partition, in order, and whether it was acknowledged. */
interface Sent {
  readonly value: number;
  readonly level: Durability;
  acknowledged: boolean;
}

/** One disk through its lives. */
export class Run implements Disposable {
  readonly #disk: SimulatedDisk;
  readonly #flush: FlushInput;
  readonly #topics: readonly RunTopic[];
  readonly #counts: RunCounts;
  readonly #sent: Sent[][];
  #state: number;
  #next = 0;

  constructor(seed: number, flush: FlushInput, topics: readonly RunTopic[], counts: RunCounts) {
    this.#disk = new SimulatedDisk(seed);
    this.#state = seed >>> 0;
    this.#flush = flush;
    this.#topics = topics;
    this.#counts = counts;
    this.#sent = Array.from({ length: topics.length * PARTITIONS }, () => []);
  }

  /** Opens, appends, cuts, opens and checks. Answers what must never be, if it was. */
  async live(): Promise<string | undefined> {
    const before = this.#disk.operations;
    const log = await this.#open();
    const topics: LogTopic[] = [];
    for (const [index, { partitions }] of this.#topics.entries()) {
      topics.push(await log.topic(nameOf(index), { partitions: PARTITIONS }));
      const { flush, segmentBytes, segmentMs } = partitions;
      const ids = log.catalogue.get(nameOf(index))?.partitions ?? [];
      log.engine.configurePartitions(ids, {
        ...(flush === undefined ? {} : { flush }),
        ...(segmentBytes === undefined ? {} : { segmentBytes }),
        ...(segmentMs === undefined ? {} : { segmentMs }),
      });
    }
    this.#break();
    await this.#work(topics);
    this.#disk.cutPower();
    this.#counts.operations += Math.max(0, this.#disk.operations - before);
    await log.close().catch(() => undefined);
    this.#disk.heal();
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

  /** One life in four has a fault beside its cut: a call that fails once, or flushes that fail from then on. */
  #break(): void {
    if (this.#draw(4) > 0) return;
    this.#counts.faults += 1;
    const after = 1 + this.#draw(12);
    if (this.#draw(4) === 0) this.#disk.failFlushes();
    else this.#disk.failOperation({ after, error: this.#draw(2) === 0 ? 'EIO' : 'ENOSPC' });
  }

  /** Appends for some turns; what is acknowledged by the end counts. */
  async #work(topics: readonly LogTopic[]): Promise<void> {
    const turns = 1 + this.#draw(12);
    for (let turn = 0; turn < turns; turn++) {
      const appends = this.#draw(6);
      for (let index = 0; index < appends; index++) this.#append(topics);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #append(topics: readonly LogTopic[]): void {
    const place = this.#draw(this.#sent.length);
    const [index, partition] = [Math.floor(place / PARTITIONS), place % PARTITIONS];
    const levels = this.#topics[index]?.levels ?? [];
    const level = levels.length > 1 ? levels[this.#draw(levels.length)] : levels[0];
    const topic = topics[index];
    if (topic === undefined || level === undefined) return;
    const sent: Sent = { value: this.#next++, level, acknowledged: false };
    const value = Buffer.alloc(8 + this.#draw(600), sent.value & 0xff);
    value.writeDoubleLE(sent.value, 0);
    this.#sent[place]?.push(sent);
    this.#counts.appended += 1;
    topic.append({ value }, { partition, durability: level }).then(
      () => {
        sent.acknowledged = true;
        this.#counts.acknowledged += 1;
        const counts = this.#counts.topics[index]?.[level];
        if (counts) counts.acknowledged += 1;
      },
      () => undefined,
    );
  }

  /** What came back must be what was appended, in order, without a hole; and nothing acknowledged as durable is gone. */
  async #check(log: Log): Promise<string | undefined> {
    // Acknowledgements of the last turn of the old engine have run by now.
    if (log.recovery.damage.length > 0) return `damage on an honest device: ${JSON.stringify(log.recovery.damage)}`;
    let lostNow = 0;
    for (const [place, sent] of this.#sent.entries()) {
      const [index, partition] = [Math.floor(place / PARTITIONS), place % PARTITIONS];
      const name = nameOf(index);
      if (!log.topics().includes(name)) return `topic ${name} is gone although its creation had resolved`;
      const found = await this.#read(await log.topic(name), partition, sent);
      if (typeof found === 'string') return `topic ${name}, partition ${partition}: ${found}`;
      for (const { level, acknowledged } of sent.slice(found)) {
        if (!acknowledged) continue;
        if (level === 'durable')
          return `topic ${name}, partition ${partition}: a record acknowledged as durable is gone`;
        lostNow += 1;
        const counts = this.#counts.topics[index]?.[level];
        if (counts) counts.lost += 1;
      }
      sent.length = found;
    }
    this.#counts.lost += lostNow;
    this.#counts.lostAtOnce = Math.max(this.#counts.lostAtOnce, lostNow);
    return undefined;
  }

  /** How many records are there, or what is wrong with them. */
  async #read(topic: LogTopic, partition: number, sent: readonly Sent[]): Promise<number | string> {
    let found = 0;
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for await (const { value } of topic.read({ partition, from: 'earliest', follow: false, signal }).records()) {
      const expected = sent[found];
      const number = value && value.length >= 8 ? Buffer.from(value).readDoubleLE(0) : Number.NaN;
      if (expected?.value !== number) return `record ${found} is ${number} and not ${expected?.value}`;
      found += 1;
    }
    return found;
  }

  [Symbol.dispose](): void {
    this.#disk[Symbol.dispose]();
  }
}

function nameOf(index: number): string {
  return `proof-${index}`;
}
