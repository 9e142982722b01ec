/**
 * Diagnostics channels: what monitoring tools subscribe to, by name.
 *
 * Not metrics and no log. To remember: without a subscriber a request pays for one look at a flag; subscribers run where
 * it happens, so they must be quick and must not throw.
 *
 * A name stands for a tracing channel of Node (`tracingChannel(name)` of node:diagnostics_channel), of which we publish
 * `asyncEnd`: for `millrace:kafka:request` a `KafkaRequestNews` when a request has been answered.
 */

import { type Channel, channel } from 'node:diagnostics_channel';

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

/** Names of all channels, as users subscribe to them. */
export const channelNames = ['millrace:kafka:request'] as const;

/** What the broker publishes. */
export const kafkaRequests: Channel = channel('tracing:millrace:kafka:request:asyncEnd');
