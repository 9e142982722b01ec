/**
 * Kafka Streams 4.3 with exactly_once_v2, unmodified (issue's "Unmodified clients"; rules 29 to 44 together): its group,
 * its repartition and changelog topics, its transactions, through a kill -9 of the server and one of the application.
 *
 * To remember: counts are not cached, so the values of a word must be 1, 2, 3... each once; a record counted twice or
 * lost shows as a gap or a repetition, not only as a wrong end.
 */
import { join } from 'node:path';
import type { Producer } from 'kafkajs';
import { expect, it } from 'vitest';
import { kafkaClient } from '../../support/broker.ts';
import { committedValues } from '../../support/committed-values.ts';
import { JavaProgram } from '../../support/java-program.ts';
import { type Random, seeded } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { freePort, type Server, startServer } from '../../support/server.ts';
import { WireConnection } from '../../support/wire.ts';

const PARTITIONS = 3;
const WORDS = 12;
const LINES = 400;
/** The JVM starts, restores and rebalances within this on two busy cores. */
const PATIENCE_MS = 60_000;
const source = join(import.meta.dirname, 'java/WordCount.java');

/** Lines in, and how often each word was in them. */
class Writer {
  readonly #random: Random;
  readonly counts = new Map<string, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  get words(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Writes `LINES` lines of one to five words; every one of them is acknowledged. */
  async write(server: Server): Promise<void> {
    const messages = Array.from({ length: LINES }, () => ({ value: this.#line() }));
    await withProducer(server, (producer) => producer.send({ topic: 'lines', acks: -1, messages }));
  }

  #line(): string {
    const words = Array.from({ length: this.#random.between(1, 5) }, () => `word${this.#random.between(1, WORDS)}`);
    for (const word of words) this.counts.set(word, (this.counts.get(word) ?? 0) + 1);
    return words.join(' ');
  }
}

async function withProducer(server: Server, work: (producer: Producer) => Promise<unknown>): Promise<void> {
  const producer = kafkaClient(server).producer();
  await producer.connect();
  try {
    await work(producer);
  } finally {
    await producer.disconnect();
  }
}

async function createTopics(server: Server): Promise<void> {
  const admin = kafkaClient(server).admin();
  await admin.connect();
  const topics = ['lines', 'counts'].map((topic) => ({ topic, numPartitions: PARTITIONS, replicationFactor: 1 }));
  await admin.createTopics({ waitForLeaders: true, topics });
  await admin.disconnect();
}

/** Every committed count, by word, in the order of its partition. */
async function countsOf(server: Server): Promise<Map<string, number[]>> {
  using wire = await WireConnection.open(server.address);
  const found = new Map<string, number[]>();
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    for (const value of await committedValues(wire, 'counts', partition)) {
      const [word = '', count] = value.split(':');
      const list = found.get(word) ?? [];
      list.push(Number(count));
      found.set(word, list);
    }
  }
  return found;
}

/** Waits until `least` counts are committed. */
async function waitForCounts(server: Server, app: JavaProgram, least: number): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const seen = [...(await countsOf(server)).values()].reduce((sum, list) => sum + list.length, 0);
    if (seen >= least) return;
    if (performance.now() > until || !app.running()) {
      throw new Error(`${seen} of ${least} counts are committed:\n${app.output()}\n${server.output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What a word that occurs `count` times must give. */
function oneByOne(counts: ReadonlyMap<string, number>): Map<string, number[]> {
  return new Map([...counts].map(([word, count]) => [word, Array.from({ length: count }, (_, at) => at + 1)]));
}

/** A line a word: its counts as ranges of numbers that follow each other. */
function breaks(counts: ReadonlyMap<string, readonly number[]>): string[] {
  const lines = [...counts].map(([word, list]) => {
    const ranges: [number, number][] = [];
    for (const count of list) {
      const last = ranges.at(-1);
      if (last?.[1] === count - 1) last[1] = count;
      else ranges.push([count, count]);
    }
    return `${word}: ${ranges.map(([from, to]) => `${from}-${to}`).join(' ')}`;
  });
  return lines.sort();
}

it('counts every word once, though the server and then the application are killed', { timeout: 180_000 }, async () => {
  await seeded('counts every word once', async (random) => {
    using directory = scratch('streams');
    const settings = ['group.min.session.timeout.ms=1000', 'group.initial.rebalance.delay.ms=0'];
    const options = { directory: join(directory.path, 'data'), port: await freePort(), settings };
    const writer = new Writer(random);
    // Each application has a state directory of its own, so the second one restores its counts from the changelog.
    const start = ({ address }: Server, state: string) =>
      new JavaProgram(source, [address, join(directory.path, state)]);

    await using first = await startServer(options);
    await createTopics(first);
    await writer.write(first);
    await using app = start(first, 'state-of-first');
    await waitForCounts(first, app, random.between(1, writer.words));
    await first.kill();

    await using second = await startServer(options);
    await writer.write(second);
    await waitForCounts(second, app, writer.words - random.between(1, LINES));
    await app.kill();

    await writer.write(second);
    await using again = start(second, 'state-of-second');
    await waitForCounts(second, again, writer.words);
    expect(breaks(await countsOf(second))).toEqual(breaks(oneByOne(writer.counts)));
  });
});
