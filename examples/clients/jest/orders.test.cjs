/** One test broker for a whole jest run: where it listens stands in MILLRACE_TEST_BROKERS. */
const { Kafka, logLevel } = require('kafkajs');

const kafka = new Kafka({ brokers: process.env.MILLRACE_TEST_BROKERS.split(','), logLevel: logLevel.NOTHING });

test('what is sent is consumed', async () => {
  const producer = kafka.producer();
  const consumer = kafka.consumer({ groupId: 'billing' });
  await Promise.all([producer.connect(), consumer.connect()]);
  await producer.send({ topic: 'orders', messages: [{ key: 'ada', value: '42' }] });
  await consumer.subscribe({ topic: 'orders', fromBeginning: true });
  const billed = new Promise((resolve) => {
    consumer.run({ eachMessage: async ({ message }) => resolve(`${message.key} pays ${message.value}`) });
  });
  expect(await billed).toBe('ada pays 42');
  await Promise.all([producer.disconnect(), consumer.disconnect()]);
});
