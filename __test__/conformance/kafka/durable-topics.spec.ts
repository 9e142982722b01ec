/** kafkajs reads a topic of isolation `durable` through power cuts: whatever it has seen is there afterwards. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import type { MillraceServer } from '../../../ts/serve.ts';
import { partsOf } from '../../../ts/server-parts.ts';
import { SimulatedDisk } from '../../../ts/testing/simulated-disk.ts';

const PATIENCE = { timeout: 120_000 };
const kafkaOf = ({ kafka }: MillraceServer): Kafka =>
  new Kafka({ brokers: [`127.0.0.1:${kafka.port}`], logLevel: logLevel.NOTHING, retry: { retries: 20 } });

async function write(server: MillraceServer, topic: string, values: readonly string[]): Promise<void> {
  const producer = kafkaOf(server).producer();
  await producer.connect();
  await producer.send({ topic, acks: 1, messages: values.map((value) => ({ value })) });
  await producer.disconnect();
}

/** A consumer and what it has seen by topic; `until` waits for a condition, however long it takes. */
async function consumer(server: MillraceServer, topics: string[]) {
  const seen: string[] = [];
  const reader = kafkaOf(server).consumer({ groupId: `g-${Math.random()}`, maxWaitTimeInMs: 200 });
  await reader.connect();
  await reader.subscribe({ topics, fromBeginning: true });
  // A commit is flushed, and with it everything that was written before.
  await reader.run({
    autoCommit: false,
    eachMessage: async ({ topic, message }) => void seen.push(`${topic} ${message.value}`),
  });
  const until = async (value: string): Promise<void> => {
    for (const end = Date.now() + 60_000; !seen.includes(value); await sleep(20)) {
      if (Date.now() > end) throw new Error(`it has seen ${seen}, not ${value}`);
    }
  };
  return { seen, until, stop: () => reader.disconnect() };
}

describe('a topic of isolation durable, read by kafkajs', () => {
  it('shows nothing that a power cut takes, where another topic does', PATIENCE, async () => {
    using disk = new SimulatedDisk(7);
    // Nothing is flushed unless somebody asks for it.
    const open = (): Promise<MillraceServer> => disk.serve({ flush: 'os' });
    const before = await open();
    const admin = kafkaOf(before).admin();
    await admin.connect();
    const configEntries = [{ name: 'min.isolation', value: 'durable' }];
    await admin.createTopics({ topics: [{ topic: 'plain' }, { topic: 'safe', configEntries }] });
    await admin.disconnect();
    const reader = await consumer(before, ['plain', 'safe']);
    await write(before, 'safe', ['flushed']);
    await partsOf(before).engine.flush();
    await reader.until('safe flushed');
    await write(before, 'safe', ['only written']);
    await write(before, 'plain', ['only written']);
    // The other topic was written later and has been seen, so this reader was not merely slow.
    await reader.until('plain only written');
    expect(reader.seen).not.toContain('safe only written');
    disk.cutPower();
    await reader.stop();
    await before.close().catch(() => {});
    await using after = await open();
    const again = await consumer(after, ['safe']);
    await write(after, 'safe', ['after']);
    await partsOf(after).engine.flush();
    await again.until('safe after');
    // What nobody had seen may have survived, or not.
    expect(again.seen.filter((one) => one !== 'safe only written')).toEqual(['safe flushed', 'safe after']);
    await again.stop();
  });
});
