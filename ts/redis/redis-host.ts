/**
 * What commands have of their server, beside the database and the connection.
 *
 * Not an implementation: that is redis-core.ts. To remember: nothing here waits.
 */

import type { MakeBackup } from './backup-place.ts';
import type { BlockedClients } from './blocking/blocked-clients.ts';
import type { Client } from './client.ts';
import type { Collections } from './collections.ts';
import type { Command } from './command.ts';
import type { Database } from './database.ts';
import type { Eviction } from './eviction/eviction.ts';
import type { KeyPosition } from './key-walk.ts';
import type { PubSub } from './pubsub.ts';
import type { ScanCursors } from './scan-cursors.ts';
import type { RedisSettings } from './settings.ts';
import type { SlowLog } from './slow-log.ts';
import type { Statistics } from './statistics.ts';
import type { Tracking } from './tracking.ts';

/** What commands may ask of the engine. */
export interface HostEngine {
  /** Counters by name, and `unsettledBytes`. */
  counters(): Record<string, number>;
  /** Makes everything durable that was submitted before; resolves then. */
  flush(): Promise<void>;
  /** Values of at least so many bytes go to files of their own; 0: none do. */
  readonly largeValueBytes: number;
  readonly driver: { readonly driver: string };
}

export interface RedisHost {
  readonly databases: readonly Database[];
  readonly settings: RedisSettings;
  readonly statistics: Statistics;
  /** Keys that had expired and were removed, since the latest reset. */
  readonly expiredKeys: number;
  readonly slowLog: SlowLog;
  readonly pubsub: PubSub;
  readonly tracking: Tracking;
  readonly collections: Collections;
  readonly blocked: BlockedClients;
  readonly cursors: ScanCursors<KeyPosition>;
  /** What counts against `maxmemory`. */
  readonly eviction: Eviction;
  readonly clients: ReadonlyMap<number, Client>;
  readonly engine: HostEngine;
  readonly port: number;
  /** A flush has failed: writes are refused. */
  readonly isFailed: boolean;
  /** Hexadecimal, of this run. */
  readonly runId: string;
  /** Seconds since 1970 of the last flush that was asked for. */
  lastSaveSeconds: number;
  /** Commands of the table by name. */
  command(name: string): Command | undefined;
  readonly commands: readonly Command[];
  /** Runs a command of a transaction or script, which writes its reply. */
  perform(client: Client, command: Command, args: readonly Buffer[]): void;
  /** Watches a key for a client, or forgets all that it watches. */
  watch(client: Client, key: Buffer): void;
  unwatch(client: Client): void;
  /** Brings up to date what clients have done where their commands arrive: when, which, and what they left unread. */
  refreshClients(): void;
  /** Ends a connection when the replies of this turn are sent. */
  end(client: Client): void;
  /** A client monitors from now on. */
  monitor(client: Client): void;
  /** Whether what it watches, tracks or subscribes to concerns keyspace events. */
  refreshWatched(): void;
  /** Ends the server as SIGTERM does; undefined when it may not. */
  readonly shutdown: (() => void) | undefined;
  /** Copies the data directory; undefined when there is no place for copies. */
  readonly makeBackup: MakeBackup | undefined;
}
