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
const kafka = new Kafka({ clientId: 'bench', brokers: [bootstrap], logLevel: logLevel.ERROR });
const run = randomUUID();
const producers = await Promise.all(Array.from({ length: options.writers }, (_, number) => open(number)));
const messages = Array.from({ length: 10 }, (_, number) => ({
  partition: number % 3,
  value: Buffer.alloc(options.size),
}));
const offsets = producers.map(() => 0);

await runClosedLoop(options, async (writer) => {
  const transaction = await (producers[writer] as Producer).transaction();
  await transaction.send({ topic, messages, acks: -1 });
  const offset = (offsets[writer] as number) + 1;
  offsets[writer] = offset;
  const topics = [{ topic, partitions: [{ partition: 0, offset: String(offset) }] }];
  await transaction.sendOffsets({ consumerGroupId: `bench-${run}-${writer}`, topics });
  await transaction.commit();
});
await Promise.all(producers.map((producer) => producer.disconnect()));

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
