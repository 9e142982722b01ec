/** Everything that bounds one connection and the server, with Kafka's names where Kafka has them. Fixed at open. */

export interface ConnectionLimits {
  /** `socket.request.max.bytes`. */
  readonly maxRequestBytes: number;
  /** The same, before the peer has sent one valid request. */
  readonly maxFirstRequestBytes: number;
  /** A connection without one whole request after this long is closed. */
  readonly firstRequestMs: number;
  /** `connections.max.idle.ms`: nothing received, nothing open, nothing to send. */
  readonly idleMs: number;
  /** Requests of one connection that may wait for their replies; above, its socket is not read. */
  readonly maxOpenRequests: number;
  readonly maxOpenRequestBytes: number;
  /** Bytes of replies not yet taken by the peer; above, its socket is not read. */
  readonly maxUnsentBytes: number;
  /** A peer that takes no byte of its replies for this long is cut. */
  readonly unsentMs: number;
  /** Requests still arriving, over all connections. */
  readonly maxArrivingBytes: number;
  readonly maxConnections: number;
  /** `max.connections.per.ip`. */
  readonly maxConnectionsPerAddress: number;
  /** How often deadlines are looked at. */
  readonly sweepMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_LIMITS: ConnectionLimits = {
  maxRequestBytes: 100 * MIB,
  maxFirstRequestBytes: 1 * MIB,
  firstRequestMs: 10_000,
  idleMs: 600_000,
  maxOpenRequests: 64,
  maxOpenRequestBytes: 16 * MIB,
  maxUnsentBytes: 16 * MIB,
  unsentMs: 30_000,
  maxArrivingBytes: 512 * MIB,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 10_000,
  sweepMs: 1_000,
};
