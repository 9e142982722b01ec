/** What goes into a group of the newer protocol and what comes out: plain values, no sockets, no clock. */

import type { ErrorNumber } from '../protocol/error-codes.ts';
import type { Partitions } from './partitions.ts';

/** One ConsumerGroupHeartbeat. Null, and -1 for the time-out, mean "as before". */
export interface Heartbeat {
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly rebalanceTimeoutMs: number;
  readonly topicNames: readonly string[] | null;
  readonly topicPattern: string | null;
  readonly assignor: string | null;
  readonly owned: Partitions | null;
}

export interface HeartbeatReply {
  readonly error: ErrorNumber;
  /** For people; null for none. */
  readonly message: string | null;
  readonly memberId: string | null;
  readonly memberEpoch: number;
  readonly heartbeatIntervalMs: number;
  /** What the member has; null when that is what it was told before. */
  readonly assigned: Partitions | null;
}

/** Timers of a member, ms from now. */
export type ConsumerEffect =
  | {
      readonly kind: 'setTimer';
      readonly timer: 'session' | 'rebalance';
      readonly memberId: string;
      readonly delayMs: number;
    }
  | { readonly kind: 'cancelTimer'; readonly timer: 'session' | 'rebalance'; readonly memberId: string };

/** The topics there are. */
export interface GroupTopics {
  get(name: string): { readonly id: string; readonly partitions: number } | undefined;
  names(): Iterable<string>;
}
