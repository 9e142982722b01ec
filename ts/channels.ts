/**
 * Diagnostics channels: what monitoring tools subscribe to, by name.
 *
 * Not metrics and no log. To remember: without a subscriber a batch, a request or a call pays for one look at a flag;
 * subscribers run where it happens, so they must be quick and must not throw.
 *
 * A name stands for a tracing channel of Node (`tracingChannel(name)` of node:diagnostics_channel), of which we publish
 * `asyncEnd`, when the thing is over: so news have a duration, and began that long ago.
 */

import { type Channel, channel } from 'node:diagnostics_channel';

/** What an acknowledgement waited for. */
type Level = 'memory' | 'written' | 'durable';

/** A request of a Kafka client that has been answered (or whose client has gone). */
export interface KafkaRequestNews {
  /** Kafka's number of the API. */
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly clientId: string | null;
  readonly requestBytes: number;
  /** From being decoded to having its answer, ms. Waiting that the client asked for is in it. */
  readonly durationMs: number;
}

/** A command of a Redis client that has been run, once for each that clients send (also inside a transaction). */
export interface RedisCommandNews {
  /** Its name, `client|setname` for a subcommand. */
  readonly command: string;
  /** Words of it, its name included. */
  readonly words: number;
  readonly database: number;
  readonly clientId: number;
  /** Spent in running it, ms; not waiting for the disk or for its flush. */
  readonly durationMs: number;
}

/** A batch of embedded appends that has reached the strongest level that was asked for. */
export interface LogAppendNews {
  readonly topic: string;
  readonly partition: number;
  readonly records: number;
  /** Of the batch as it is stored. */
  readonly bytes: number;
  readonly level: Level;
  /** From the batch being begun, ms. */
  readonly durationMs: number;
  /** When it was refused or its outcome is unknown: the code of the error. */
  readonly error?: string;
}

/** Batches that an embedded reader has fetched. */
export interface LogReadNews {
  readonly topic: string;
  /** How many of its partitions had something. */
  readonly partitions: number;
  readonly bytes: number;
  /** From asking to having the bytes, ms; not waiting for records to come. */
  readonly durationMs: number;
}

/** A read of one or several keys of an embedded store. */
export interface KvGetNews {
  readonly store: string;
  readonly keys: number;
  /** Values that had to come from the disk. */
  readonly isCold: boolean;
  readonly durationMs: number;
}

/** A write of an embedded store (put, delete, clear or a batch) that has reached its level. */
export interface KvPutNews {
  readonly store: string;
  readonly operations: number;
  readonly level: Level;
  readonly durationMs: number;
  /** When it failed: the code of the error. MILLRACE_CONDITION: a key was not as demanded. */
  readonly error?: string;
}

/** Flushes of the journal whose end the event loop has heard of; those between two turns are told together. */
export interface FlushNews {
  readonly flushes: number;
  /** Frames that became durable. */
  readonly frames: number;
  /** Everything up to this LSN survives a power cut now. */
  readonly durableLsn: number;
  /** Of one flush: the mean of these, ms. */
  readonly durationMs: number;
}

/** Names of all channels, as users subscribe to them. */
export const channelNames = [
  'millrace:log:append',
  'millrace:log:read',
  'millrace:kv:get',
  'millrace:kv:put',
  'millrace:flush',
  'millrace:kafka:request',
  'millrace:redis:command',
] as const;

function ends(name: (typeof channelNames)[number]): Channel {
  return channel(`tracing:${name}:asyncEnd`);
}

/** What the broker publishes. */
export const kafkaRequests: Channel = ends('millrace:kafka:request');
/** What the Redis server publishes. While somebody listens all commands go the way on which each is seen. */
export const redisCommands: Channel = ends('millrace:redis:command');
/** What embedded logs publish. */
export const logAppends: Channel = ends('millrace:log:append');
export const logReads: Channel = ends('millrace:log:read');
/** What embedded stores publish. */
export const kvGets: Channel = ends('millrace:kv:get');
export const kvPuts: Channel = ends('millrace:kv:put');
/** What engines publish. */
export const flushes: Channel = ends('millrace:flush');
