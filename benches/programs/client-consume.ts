/**
 * A consumer as people write it, with a client nobody here wrote: `--client kafkajs|platformatic`, `--bootstrap H:P`,
 * `--topic T`, `--records N` from the beginning, in a group of its own. Prints records a second from the first to the last.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Consumer, MessagesStreamModes } from '@platformatic/kafka';
import { Kafka, logLevel } from 'kafkajs';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { client: text, bootstrap: text, topic: text, records: text } });
const { client = 'kafkajs', bootstrap = '127.0.0.1:9092', topic = 'bench' } = values;
const records = Number(values.records ?? 100_000);
const groupId = `bench-${randomUUID()}`;
let seen = 0;
let first = 0;
let bytes = 0;

/** Counts a record; true when it was the last. */
function count(length: number): boolean {
  if (seen === 0) first = performance.now();
  seen += 1;
  bytes += length;
  return seen >= records;
}

if (client === 'kafkajs') {
  const kafka = new Kafka({ clientId: 'bench', brokers: [bootstrap], logLevel: logLevel.ERROR });
  const consumer = kafka.consumer({ groupId, maxBytesPerPartition: 1024 * 1024 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachBatch: async ({ batch }) => {
        for (const message of batch.messages) if (count(message.value?.length ?? 0)) resolve();
      },
    });
  });
  report();
  await consumer.disconnect();
} else {
  const consumer = new Consumer({ clientId: 'bench', groupId, bootstrapBrokers: [bootstrap] });
  const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST, autocommit: false });
  for await (const message of stream) if (count(message.value?.length ?? 0)) break;
  report();
  await consumer.close(true);
}
process.exit(0);

function report(): void {
  const seconds = (performance.now() - first) / 1000;
  const figures = { recordsPerSecond: seen / seconds, megabytesPerSecond: bytes / 1e6 / seconds };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
