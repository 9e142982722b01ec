/**
 * What the lane calls of @confluentinc/kafka-javascript: its types are not here before it is installed.
 *
 * To remember: it is librdkafka in the shape of kafkajs, with librdkafka's own settings beside it.
 */
import { createRequire } from 'node:module';

export interface Message {
  readonly key?: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly headers?: Readonly<Record<string, Buffer | string>>;
  readonly partition?: number;
  readonly timestamp?: string;
}

/** A message that was read. */
export interface ReadMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, Buffer | string | readonly (Buffer | string)[]>>;
  readonly offset: string;
}

export interface Delivery {
  readonly topic: string;
  readonly partition: number;
  readonly message: ReadMessage;
}

export interface Sender {
  send(record: { topic: string; messages: readonly Message[] }): Promise<readonly { errorCode?: number }[]>;
}

export interface Transaction extends Sender {
  sendOffsets(offsets: {
    consumer: Consumer;
    topics: readonly { topic: string; partitions: readonly { partition: number; offset: string }[] }[];
  }): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

export interface Producer extends Sender {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  transaction(): Promise<Transaction>;
}

export interface Consumer {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  subscribe(topics: { topics: readonly string[] }): Promise<void>;
  run(config: { eachMessage: (delivery: Delivery) => Promise<void> }): Promise<void>;
  commitOffsets(offsets: readonly { topic: string; partition: number; offset: string }[]): Promise<void>;
  assignment(): readonly { topic: string; partition: number }[];
}

export interface Admin {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  createTopics(options: { topics: readonly { topic: string; numPartitions: number }[] }): Promise<boolean>;
  deleteTopics(options: { topics: readonly string[] }): Promise<void>;
  listTopics(): Promise<string[]>;
  fetchTopicMetadata(options: {
    topics: readonly string[];
  }): Promise<readonly { name: string; partitions: readonly { partitionId: number; leader: number }[] }[]>;
  fetchTopicOffsets(topic: string): Promise<readonly { partition: number; high: string; low: string }[]>;
  fetchTopicOffsetsByTimestamp(topic: string, timestamp: number): Promise<readonly { offset: string }[]>;
  deleteTopicRecords(options: {
    topic: string;
    partitions: readonly { partition: number; offset: string }[];
  }): Promise<readonly { lowWatermark: number }[]>;
  listGroups(): Promise<{ groups: readonly { groupId: string }[] }>;
  describeGroups(groups: readonly string[]): Promise<{ groups: readonly { groupId: string; members: unknown[] }[] }>;
  deleteGroups(groups: readonly string[]): Promise<readonly { errorCode?: number }[]>;
  fetchOffsets(options: {
    groupId: string;
    topics: readonly string[];
  }): Promise<readonly { topic: string; partitions: readonly { partition: number; offset: string }[] }[]>;
}

type Settings = Readonly<Record<string, unknown>>;

export interface Client {
  producer(settings?: Settings): Producer;
  consumer(settings: Settings): Consumer;
  admin(settings?: Settings): Admin;
}

interface Package {
  readonly KafkaJS: { readonly Kafka: new (settings: Settings) => Client };
  readonly librdkafkaVersion: string;
  readonly features: readonly string[];
}

/** The package of this folder. Throws when it is not installed. */
export function librdkafka(): Package {
  return createRequire(import.meta.url)('@confluentinc/kafka-javascript') as Package;
}

/** A quiet client of `address`; `more` are settings of kafkajs' kind. */
export function clientOf(address: string, more: Settings = {}): Client {
  const { KafkaJS } = librdkafka();
  return new KafkaJS.Kafka({ kafkaJS: { brokers: [address], logLevel: 0, ...more } });
}
