/**
 * The one table of what each channel is called in OpenTelemetry: its span, and what is measured of it. Names are those of the
 * semantic conventions 1.37 where they have one, which for messaging are still in development.
 */
import type {
  channelNames,
  FlushNews,
  KafkaRequestNews,
  KvGetNews,
  KvPutNews,
  LogAppendNews,
  LogReadNews,
  RedisCommandNews,
} from '../channels.ts';
import type { Attributes } from './api.ts';

/** OpenTelemetry's numbers. */
const SpanKind = { internal: 0, server: 1, client: 2, producer: 3, consumer: 4 } as const;

/** Something counted of news beside their duration. */
export interface Count<News> {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly of: (news: News) => number;
}

/** What the news of a channel come to. */
export interface Mapping<News> {
  readonly kind: number;
  readonly title: (news: News) => string;
  /** What tells measurements apart: few values each. */
  readonly labels: (news: News) => Attributes;
  /** Of spans alone, beside the labels. */
  readonly details: (news: News) => Attributes;
  /** The histogram of their duration, in seconds. */
  readonly duration: string;
  readonly count?: Count<News>;
}

/** The name of a channel. */
export type ChannelName = (typeof channelNames)[number];

/** What each channel tells. */
export interface ChannelNews {
  'millrace:log:append': LogAppendNews;
  'millrace:log:read': LogReadNews;
  'millrace:kv:get': KvGetNews;
  'millrace:kv:put': KvPutNews;
  'millrace:flush': FlushNews;
  'millrace:kafka:request': KafkaRequestNews;
  'millrace:redis:command': RedisCommandNews;
}

const messages = (operation: string, destination: string): Attributes => ({
  'messaging.system': 'millrace',
  'messaging.operation.name': operation,
  'messaging.operation.type': operation,
  'messaging.destination.name': destination,
});

const store = (operation: string, namespace: string): Attributes => ({
  'db.system.name': 'millrace',
  'db.operation.name': operation,
  'db.namespace': namespace,
});

/** Every channel, once. */
export const table: { readonly [Name in ChannelName]: Mapping<ChannelNews[Name]> } = {
  'millrace:log:append': {
    kind: SpanKind.producer,
    title: ({ topic }) => `send ${topic}`,
    labels: ({ topic }) => messages('send', topic),
    details: ({ partition, records, bytes, level }) => ({
      'messaging.destination.partition.id': String(partition),
      'messaging.batch.message_count': records,
      'messaging.message.envelope.size': bytes,
      'millrace.durability': level,
    }),
    duration: 'messaging.client.operation.duration',
    count: {
      name: 'messaging.client.sent.messages',
      unit: '{message}',
      description: 'Records of batches that have reached their level.',
      of: ({ records, error }) => (error === undefined ? records : 0),
    },
  },
  'millrace:log:read': {
    kind: SpanKind.consumer,
    title: ({ topic }) => `receive ${topic}`,
    labels: ({ topic }) => messages('receive', topic),
    details: ({ partitions, bytes }) => ({
      'messaging.message.envelope.size': bytes,
      'millrace.partitions': partitions,
    }),
    duration: 'messaging.client.operation.duration',
  },
  'millrace:kv:get': {
    kind: SpanKind.client,
    title: (news) => `GET ${news.store}`,
    labels: (news) => store('GET', news.store),
    details: ({ keys, isCold }) => ({ 'db.operation.batch.size': keys, 'millrace.cold': isCold }),
    duration: 'db.client.operation.duration',
  },
  'millrace:kv:put': {
    kind: SpanKind.client,
    title: (news) => `PUT ${news.store}`,
    labels: (news) => store('PUT', news.store),
    details: ({ operations, level }) => ({ 'db.operation.batch.size': operations, 'millrace.durability': level }),
    duration: 'db.client.operation.duration',
  },
  'millrace:flush': {
    kind: SpanKind.internal,
    title: () => 'flush',
    labels: () => ({}),
    details: ({ flushes, frames }) => ({ 'millrace.flushes': flushes, 'millrace.frames': frames }),
    duration: 'millrace.flush.duration',
    count: {
      name: 'millrace.flush.count',
      unit: '{flush}',
      description: 'Flushes of the journal.',
      of: ({ flushes }) => flushes,
    },
  },
  'millrace:kafka:request': {
    kind: SpanKind.server,
    title: ({ apiKey }) => `kafka request ${apiKey}`,
    labels: ({ apiKey }) => ({ 'messaging.system': 'kafka', 'messaging.kafka.api_key': apiKey }),
    details: ({ apiVersion, clientId, requestBytes }) => ({
      'messaging.client.id': clientId ?? '',
      'messaging.kafka.api_version': apiVersion,
      'millrace.request.size': requestBytes,
    }),
    duration: 'millrace.kafka.request.duration',
  },
  'millrace:redis:command': {
    kind: SpanKind.server,
    title: ({ command }) => command.toUpperCase(),
    labels: ({ command, database }) => ({
      'db.system.name': 'redis',
      'db.operation.name': command.toUpperCase(),
      'db.namespace': String(database),
    }),
    details: ({ words }) => ({ 'millrace.words': words }),
    duration: 'millrace.redis.command.duration',
  },
};
