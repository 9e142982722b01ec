/** A broker for one test, with @platformatic/kafka: what was sent is there, and a dropped connection is survived. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Producer, stringSerializers } from '@platformatic/kafka';
import { startTestBroker } from 'millrace/testing';

test('a producer survives a dropped connection', async () => {
  const broker = await startTestBroker({ topics: { orders: 1 } });
  const producer = new Producer({
    clientId: 'shop',
    bootstrapBrokers: broker.brokers,
    serializers: stringSerializers,
    retries: 5,
    retryDelay: 20,
  });
  try {
    await producer.send({ messages: [{ topic: 'orders', key: 'ada', value: 'before' }] });
    broker.faults.dropConnections();
    await producer.send({ messages: [{ topic: 'orders', key: 'ada', value: 'after' }] });
    const values = (await broker.records('orders')).map(({ value }) => String(value));
    assert.deepEqual(values, ['before', 'after']);
  } finally {
    await producer.close();
    await broker.close();
  }
});
