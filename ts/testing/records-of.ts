/**
 * Records of a broker's topics for a test to put in and to look at, without a client.
 *
 * Not a consumer: it joins no group and commits nothing. To remember: what is read is what is there when it is called, in
 * the order of offsets of each partition, partition by partition.
 */

import type { Broker } from '../broker/broker.ts';
import { MillraceError } from '../errors.ts';
import type { NodeEngine } from '../io/engine.ts';
import { loadNative } from '../io/native.ts';
import { LogTopic } from '../log/log-topic.ts';
import type { LogRecord } from '../log/record.ts';

const MIB = 1024 * 1024;

/** A topic of the broker as an embedded log would open it. Throws MILLRACE_UNKNOWN_TOPIC. */
export function topicOf(engine: NodeEngine, broker: Broker, name: string): LogTopic {
  const topic = broker.context.catalogue.get(name);
  if (!topic) throw new MillraceError('MILLRACE_UNKNOWN_TOPIC', name);
  const context = {
    engine,
    binding: loadNative(),
    durability: 'durable',
    limits: { batchBytes: MIB, stalledBytes: 16 * MIB, codec: 0 },
    assertOpen: () => undefined,
    // A broker's topics outlive what a test reads of them.
    onClose: () => () => undefined,
  } as const;
  return new LogTopic(context, topic);
}

/** Everything that lies in a topic. */
export async function recordsOf(topic: LogTopic): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (let partition = 0; partition < topic.partitions; partition += 1) {
    for await (const batch of topic.read({ partition, from: 'earliest', follow: false })) {
      records.push(...batch.records());
    }
  }
  return records;
}
