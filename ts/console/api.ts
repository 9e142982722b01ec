/**
 * What the console's server and its pages say to each other, as types only: the one contract between the two.
 *
 * Not a public API: it changes with the pages. To remember: everything is JSON, so offsets are numbers (below 2^53) and
 * bytes are `Bytes`.
 */

/** Bytes as JSON can carry them: text when they are UTF-8, else base64. `size` counts all of them, also those cut off. */
export interface Bytes {
  readonly text?: string;
  readonly base64?: string;
  readonly size: number;
}

/** What the frame around every page shows. */
export interface AboutView {
  readonly version: string;
  readonly mayWrite: boolean;
  readonly dir: string | null;
  readonly kafka: string;
}

/** One second of the server. Rates are per second, latencies ms; null where nothing happened. */
export interface Sample {
  readonly timeMs: number;
  readonly records: number | null;
  readonly requests: number;
  readonly produces: number;
  readonly bytesIn: number;
  readonly bytesWritten: number;
  readonly bytesRead: number;
  readonly appendP50: number | null;
  readonly appendP99: number | null;
  readonly flushes: number;
  readonly flushP50: number | null;
  readonly flushP99: number | null;
  readonly commits: number;
  readonly frames: number;
  readonly commitBytes: number | null;
  readonly unsettledBytes: number;
  readonly connections: number;
  readonly redisCommands: number | null;
}

export interface Warning {
  readonly level: 'warn' | 'bad';
  readonly text: string;
  /** Where to look, as a place in the console. */
  readonly link?: string;
}

export interface OverviewView {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly poisoned: boolean;
  readonly driver: { readonly name: string; readonly reason: string; readonly detail: string };
  readonly flush: string;
  readonly acks: readonly { readonly acks: string; readonly level: string; readonly loss: string }[];
  readonly topics: number;
  readonly partitions: number;
  readonly groups: number;
  readonly stores: number;
  readonly connections: number;
  readonly redisClients: number | null;
  /** Undefined where the system does not tell. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | null;
  readonly dataBytes: number;
  readonly warnings: readonly Warning[];
}

export interface TopicRow {
  readonly name: string;
  readonly partitions: number;
  /** Between log start and high watermark; transactions' markers count as one each. */
  readonly records: number;
  readonly bytes: number;
  /** Records a second; null until there are two looks at it. */
  readonly rate: number | null;
  readonly retentionMs: string;
  readonly retentionBytes: string;
  readonly cleanup: string;
}

export interface TopicsView {
  readonly topics: readonly TopicRow[];
}

export interface PartitionRow {
  readonly partition: number;
  readonly logStart: number;
  readonly lastStable: number;
  readonly durable: number;
  /** The end of what is written, which is what readers see. */
  readonly highWatermark: number;
  readonly logEnd: number;
  readonly leaderEpoch: number;
  readonly bytes: number;
  /** Producers whose transaction is open here. */
  readonly openTransactions: number;
}

export interface SegmentRow {
  readonly partition: number;
  readonly file: number;
  readonly kind: 'own' | 'shared' | 'bulk' | 'compacted';
  readonly base: number;
  /** Behind the last offset. */
  readonly end: number;
  readonly bytes: number;
  readonly maxTimestamp: number;
  readonly indexEntries: number;
  readonly index: 'not needed' | 'on disk' | 'in memory' | 'unreadable' | 'made when read';
}

export interface SegmentsView {
  readonly segments: readonly SegmentRow[];
  /** More than are listed. */
  readonly more: number;
}

export interface CommandRow {
  readonly command: string;
  readonly calls: number;
  readonly seconds: number;
  readonly meanUs: number;
}

export interface CommandsView {
  readonly isServed: boolean;
  /** Those that took most time first. */
  readonly commands: readonly CommandRow[];
}

export interface DoctorView {
  readonly checkedMs: number;
  readonly findings: readonly {
    readonly check: string;
    readonly verdict: 'OK' | 'WARN' | 'FAIL';
    readonly detail: string;
    readonly fix: string;
    readonly command?: string;
  }[];
}

export interface SettingRow {
  readonly name: string;
  readonly value: string;
  readonly source: 'default' | 'server' | 'topic' | 'given';
  readonly default: string;
  readonly unit: string | null;
  readonly effect: 'enforced' | 'accepted';
  readonly doc: string;
}

export interface TopicView {
  readonly name: string;
  readonly id: string;
  readonly createdMs: number;
  readonly rate: number | null;
  readonly partitions: readonly PartitionRow[];
  readonly settings: readonly SettingRow[];
  readonly groups: readonly { readonly group: string; readonly lag: number; readonly members: number }[];
}

/** A record, whole or cut short. */
export interface RecordRow {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Bytes | null;
  readonly value: Bytes | null;
  readonly headers: readonly { readonly name: string; readonly value: Bytes | null }[];
  /** All of them, also those that were left out. */
  readonly headerCount: number;
}

/** Where each partition is to be read on, by its number. */
export type ScanCursor = Readonly<Record<string, number>>;

export interface ScanProgress {
  readonly records: number;
  readonly bytes: number;
  readonly matches: number;
  /** How many offsets there are to look at in all. */
  readonly total: number;
  /** Of a tail that brought more than can be shown: how many were left out. */
  readonly skipped: number;
}

export interface ScanEnd extends ScanProgress {
  /** `limit`: enough was found; `budget`: enough was read; `end`: everything was looked at. */
  readonly reason: 'limit' | 'budget' | 'end';
  /** To go on from, when it was not everything. */
  readonly cursor: ScanCursor | null;
}

export interface GroupRow {
  readonly group: string;
  /** The protocol of its members; `offsets` when it has only committed. */
  readonly kind: 'classic' | 'consumer' | 'offsets';
  readonly state: string;
  readonly members: number;
  readonly topics: number;
  readonly lag: number;
}

export interface GroupsView {
  readonly groups: readonly GroupRow[];
}

export interface GroupMember {
  readonly id: string;
  readonly clientId: string;
  readonly host: string;
  readonly instanceId: string | null;
  readonly partitions: readonly { readonly topic: string; readonly partitions: readonly number[] }[];
}

export interface GroupPartition {
  readonly topic: string;
  readonly partition: number;
  /** Null when nothing was committed: a member has it, that is all. */
  readonly committed: number | null;
  readonly committedMs: number | null;
  /** Null when the partition is gone. */
  readonly start: number | null;
  readonly end: number | null;
  readonly lag: number | null;
  readonly member: string | null;
}

export interface GroupView extends GroupRow {
  readonly protocol: string;
  readonly memberList: readonly GroupMember[];
  readonly partitions: readonly GroupPartition[];
}

export interface SeekRow {
  readonly topic: string;
  readonly partition: number;
  readonly before: number | null;
  readonly after: number;
  /** Records that will be read again (negative: passed over). */
  readonly again: number;
}

export interface SeekAnswer {
  readonly isDone: boolean;
  /** Why it cannot be done now, as far as it can be told. */
  readonly refusal: string | null;
  readonly rows: readonly SeekRow[];
}

export interface HistogramBar {
  /** Values up to this, above the one before. */
  readonly upTo: number;
  readonly count: number;
}

export interface StoreRow {
  readonly name: string;
  readonly keys: number;
  readonly keydirBytes: number;
  readonly memtableBytes: number;
  readonly files: number;
  readonly fileBytes: number;
  readonly deadBytes: number;
  readonly snapshots: number;
  readonly isMerging: boolean;
}

export interface StorageView {
  readonly dir: string | null;
  readonly appendedLsn: number;
  readonly durableLsn: number;
  readonly unsettledBytes: number;
  readonly laps: number;
  readonly settles: number;
  readonly commits: number;
  readonly frames: number;
  readonly flushes: number;
  /** Since the opening; ms, null before the first flush. */
  readonly flush: { readonly p50: number | null; readonly p99: number | null; readonly p999: number | null };
  /** Durations of flushes in ms. */
  readonly flushBars: readonly HistogramBar[];
  /** Frames of group commits. */
  readonly frameBars: readonly HistogramBar[];
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | null;
  readonly folders: readonly { readonly name: string; readonly files: number; readonly bytes: number }[];
  readonly stores: readonly StoreRow[];
}

export interface RecoveryPartition {
  readonly topic: string;
  readonly partition: number;
  readonly settledEnd: number;
  readonly provenEnd: number;
  readonly logEnd: number;
  readonly cutRecords: number;
  readonly lost: readonly (readonly [number, number])[];
}

export interface HealthView {
  readonly isReady: boolean;
  readonly poisoned: boolean;
  readonly driver: {
    readonly name: string;
    readonly reason: string;
    readonly detail: string;
    readonly direct: boolean;
  };
  readonly process: {
    readonly node: string;
    readonly pid: number;
    readonly system: string;
    readonly residentBytes: number;
    readonly heapBytes: number;
    readonly cpuSeconds: number;
    readonly uptimeSeconds: number;
  };
  readonly recovery: {
    readonly ended: string;
    readonly clean: boolean;
    readonly verdict: string;
    readonly incarnation: number;
    readonly openedMs: number;
    readonly durationMs: number;
    readonly framesReplayed: number;
    readonly keptBytes: number;
    readonly cutBytes: number;
    readonly cutFrames: number;
    readonly cutRecords: number;
    readonly damage: readonly { readonly file: string; readonly position: number; readonly detail: string }[];
    readonly partitions: readonly RecoveryPartition[];
    /** More partitions than are listed. */
    readonly more: number;
  };
}

export interface SettingsView {
  readonly settings: readonly SettingRow[];
}

export interface KeyRow {
  /** The key as the API names it: base64url of its bytes. */
  readonly id: string;
  readonly key: Bytes;
  /** ms since 1970; 0 = never. */
  readonly expiresMs: number;
  /** Of Redis' collections: what it is, and how many members it has. */
  readonly type: string | null;
  readonly members: number | null;
}

export interface PrefixRow {
  readonly id: string;
  readonly prefix: Bytes;
  readonly keys: number;
  /** There are more than were counted. */
  readonly isMore: boolean;
}

export interface KeysView {
  readonly store: StoreRow;
  /** Why the console changes nothing here; null when it may. */
  readonly readOnly: string | null;
  readonly prefixes: readonly PrefixRow[];
  readonly keys: readonly KeyRow[];
  /** To go on from; null at the end. */
  readonly next: string | null;
}

export interface ValueView {
  readonly id: string;
  readonly key: Bytes;
  readonly value: Bytes | null;
  readonly expiresMs: number;
  readonly sequence: number;
}

export interface DeleteAnswer {
  readonly isDone: boolean;
  readonly keys: number;
  /** There are more than are deleted at a time. */
  readonly isMore: boolean;
  readonly sample: readonly Bytes[];
}
