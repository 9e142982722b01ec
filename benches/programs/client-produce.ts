/**
 * A producer as people write it, with a client nobody here wrote: `--client kafkajs|platformatic`, `--bootstrap H:P`,
 * `--topic T`. Ten sends of a hundred records of 1 KiB on their way, acks=all. Prints records a second and CPU time of
 * this process.
 */
import { parseArgs } from 'node:util';
import { ProduceAcks, Producer } from '@platformatic/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { type LoopOptions, runClosedLoop } from './closed-loop.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: { client: text, bootstrap: text, topic: text, 'warm-up': text, duration: text },
});
const { client = 'kafkajs', bootstrap = '127.0.0.1:9092', topic = 'bench' } = values;
const RECORDS = 100;
const value = Buffer.alloc(1024, 0xa5);
const options: LoopOptions = {
  directory: '',
  partitions: 1,
  writers: 10,
  size: value.length,
  warmUpSeconds: Number(values['warm-up'] ?? 0.5),
  seconds: Number(values.duration ?? 3),
};

if (client === 'kafkajs') {
  const kafka = new Kafka({ clientId: 'bench', brokers: [bootstrap], logLevel: logLevel.ERROR });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const messages = Array.from({ length: RECORDS }, () => ({ value }));
  await runClosedLoop(options, () => producer.send({ topic, messages, acks: -1 }));
  await producer.disconnect();
} else {
  const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [bootstrap] });
  const messages = Array.from({ length: RECORDS }, () => ({ topic, value }));
  await runClosedLoop(options, () => producer.send({ messages, acks: ProduceAcks.ALL }));
  await producer.close();
}
