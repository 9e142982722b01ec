/**
 * The broker that conformance tests talk to: our built server with a directory of its own, or the one that
 * MILLRACE_CONFORMANCE_BROKER (host:port) names. The second way is for checking the tests: what they expect must hold
 * for Apache Kafka too.
 */
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { scratch } from './scratch.ts';
import { startServer } from './server.ts';

export interface Broker extends AsyncDisposable {
  /** `host:port` */
  readonly address: string;
}

/** Opens the broker, ours with `settings` as `-X` takes them; dispose of it to end it and to remove its data. */
export async function openBroker(settings: readonly string[] = []): Promise<Broker> {
  const other = process.env.MILLRACE_CONFORMANCE_BROKER;
  if (other !== undefined) return { address: other, [Symbol.asyncDispose]: async () => undefined };
  const directory = scratch('conformance');
  const server = await startServer({ directory: join(directory.path, 'data'), settings });
  return {
    address: server.address,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    },
  };
}

let topics = 0;

/** A name that no other test uses. */
export function freshName(stem: string): string {
  topics += 1;
  return `${stem}-${process.pid}-${Date.now()}-${topics}`;
}

/** Creates a topic with a name of its own, waits until every partition has a leader, and returns the name. */
export async function createTopic(broker: Broker, stem: string, partitions = 1): Promise<string> {
  const topic = freshName(stem);
  const admin = kafkaClient(broker).admin();
  await admin.connect();
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }],
    });
  } finally {
    await admin.disconnect();
  }
  return topic;
}

/** kafkajs, quiet. */
export function kafkaClient(broker: Broker): Kafka {
  return new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING, clientId: 'conformance' });
}
