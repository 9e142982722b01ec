/** Promises of the test broker's Redis side: a port of its own, keys that survive a power cut, and a reset that takes them. */
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { startTestBroker, type TestBroker } from '../../ts/testing/index.ts';

/** Sends one inline command and gives back the first line of its answer. */
function command(broker: TestBroker, line: string): Promise<string> {
  const { hostname, port } = new URL(broker.redisUrl ?? '');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(`${line}\r\n`));
    socket.once('data', (chunk) => {
      socket.destroy();
      resolve(String(chunk).split('\r\n', 1)[0] as string);
    });
    socket.once('error', reject);
  });
}

it('is there when it is asked for, beside Kafka', async () => {
  await using without = await startTestBroker();
  expect(without.redisUrl).toBeUndefined();
  await using broker = await startTestBroker({ redis: true, topics: ['t'] });
  expect(await command(broker, 'SET key value')).toBe('+OK');
  expect(await command(broker, 'DBSIZE')).toBe(':1');
  await broker.produce('t', [{ value: 'x' }]);
  expect(await broker.records('t')).toHaveLength(1);
});

it('takes ports and addresses, 0 being a free port', async () => {
  await using broker = await startTestBroker({ kafka: 0, redis: 0 });
  await using other = await startTestBroker({ kafka: { host: '127.0.0.1' }, redis: { port: 0, host: '127.0.0.1' } });
  expect(new Set([broker.port, other.port, broker.redisUrl, other.redisUrl, 0, undefined]).size).toBe(6);
  for (const one of [broker, other]) expect(await command(one, 'PING')).toBe('+PONG');
});

it('is empty after a reset, on the same port', async () => {
  await using broker = await startTestBroker({ redis: true });
  await command(broker, 'SET key value');
  const { redisUrl } = broker;
  await broker.reset();
  expect(broker.redisUrl).toBe(redisUrl);
  expect(await command(broker, 'DBSIZE')).toBe(':0');
});

it('keeps what was acknowledged through a power cut', async () => {
  await using broker = await startTestBroker({ redis: true });
  await command(broker, 'SET key value');
  await broker.cutPower();
  expect(await command(broker, 'EXISTS key')).toBe(':1');
});
