/** An order that is placed is billed: two programs that talk through Kafka, tested with kafkajs and no container. */
import { Kafka, logLevel } from 'kafkajs';
import type {} from 'millrace/testing/vitest';
import { expect, inject, test } from 'vitest';

const kafka = new Kafka({ brokers: inject('millrace').brokers, logLevel: logLevel.NOTHING });

test('an order is billed', async () => {
  const producer = kafka.producer();
  const consumer = kafka.consumer({ groupId: 'billing' });
  await Promise.all([producer.connect(), consumer.connect()]);
  await producer.send({ topic: 'orders', messages: [{ key: 'ada', value: '42' }] });
  await consumer.subscribe({ topic: 'orders', fromBeginning: true });
  const billed = new Promise<string>((resolve) => {
    consumer.run({
      eachMessage: async ({ message }) => resolve(`${message.key} pays ${message.value}`),
    });
  });
  expect(await billed).toBe('ada pays 42');
  await Promise.all([producer.disconnect(), consumer.disconnect()]);
});
