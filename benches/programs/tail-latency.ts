/**
 * From sending a record to having it back, at a fixed rate, with kafkajs: `--bootstrap H:P`, `--topic T`, `--rate N` a
 * second. A record's clock starts when it is due, not when it was sent, so a stalled broker cannot hide what it delays.
 */
import { randomUUID } from 'node:crypto';
import { createHistogram } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: { bootstrap: text, topic: text, rate: text, 'warm-up': text, duration: text },
});
const { bootstrap = '127.0.0.1:9092', topic = 'tail' } = values;
const rate = Number(values.rate ?? 200);
const warmUpMs = Number(values['warm-up'] ?? 1) * 1000;
const measuredMs = Number(values.duration ?? 3) * 1000;

const kafka = new Kafka({ clientId: 'tail', brokers: [bootstrap], logLevel: logLevel.ERROR });
const producer = kafka.producer({ allowAutoTopicCreation: false });
const consumer = kafka.consumer({ groupId: `tail-${randomUUID()}`, maxWaitTimeInMs: 100 });
await producer.connect();
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: false });
const latencies = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
let begin = Number.POSITIVE_INFINITY;
let back = 0;
const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
void consumer.run({
  eachMessage: async ({ message }) => {
    const due = Number(message.value);
    back += 1;
    if (due >= begin + warmUpMs) latencies.record(Math.max(1, Math.round((performance.now() - due) * 1000)));
  },
});
await joined;
begin = performance.now() + 200;
let sent = 0;
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    const now = performance.now();
    for (; begin + (sent * 1000) / rate <= now; sent += 1) {
      const due = begin + (sent * 1000) / rate;
      void producer.send({ topic, messages: [{ value: String(due) }], acks: -1 });
    }
    if (now < begin + warmUpMs + measuredMs) return;
    clearInterval(timer);
    resolve();
  }, 1);
});
for (const limit = performance.now() + 10_000; back < sent && performance.now() < limit; ) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
if (back < sent) throw new Error(`${sent - back} of ${sent} records did not come back`);
const figures = {
  recordsPerSecond: rate,
  latencyMicros: { p50: latencies.percentile(50), p99: latencies.percentile(99), p999: latencies.percentile(99.9) },
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);
