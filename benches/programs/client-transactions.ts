/**
 * Transactions as people write them, with kafkajs: ten records in three partitions and the offsets of a group, committed.
 * `--bootstrap H:P`, `--topic T` (three partitions), `--producers N` side by side. Prints transactions a second.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { type LoopOptions, runClosedLoop } from './closed-loop.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: { bootstrap: text, topic: text, producers: text, 'warm-up': text, duration: text },
});
const { bootstrap = '127.0.0.1:9092', topic = 'bench' } = values;
const options: LoopOptions = {
  directory: '',
  partitions: 1,
  writers: Number(values.producers ?? 16),
  size: 128,
  warmUpSeconds: Number(values['warm-up'] ?? 0.5),
  seconds: Number(values.duration ?? 3),
};
const kafka = new Kafka({ clientId: 'bench', brokers: [bootstrap], logLevel: logLevel.NOTHING });
const run = randomUUID();
const TRIES = 50;
const producers = await Promise.all(Array.from({ length: options.writers }, (_, number) => open(number)));
const messages = Array.from({ length: 10 }, (_, number) => ({
  partition: number % 3,
  value: Buffer.alloc(options.size),
}));
const offsets = producers.map(() => 0);

// A broker that has just started makes its internal topics first: the first transaction is tried until there are some.
await Promise.all(producers.map((_, writer) => untilDone(() => transact(writer))));
await runClosedLoop(options, transact);
await Promise.all(producers.map((producer) => producer.disconnect()));

async function transact(writer: number): Promise<void> {
  const transaction = await (producers[writer] as Producer).transaction();
  const offset = (offsets[writer] as number) + 1;
  offsets[writer] = offset;
  const topics = [{ topic, partitions: [{ partition: 0, offset: String(offset) }] }];
  try {
    await transaction.send({ topic, messages, acks: -1 });
    await transaction.sendOffsets({ consumerGroupId: `bench-${run}-${writer}`, topics });
    await transaction.commit();
  } catch (error) {
    await transaction.abort();
    throw error;
  }
}

async function untilDone(work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function open(number: number): Promise<Producer> {
  const producer = kafka.producer({
    transactionalId: `bench-${run}-${number}`,
    maxInFlightRequests: 1,
    idempotent: true,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  return producer;
}
