/**
 * The exact account of an opening, partition by partition and store by store, as the engine writes it to
 * `recovery/<incarnation>.json`.
 *
 * Not a live view: it is what was found once. To remember: what left no trace on the disk is in no number; the verdict
 * says what can have been acknowledged.
 */

/** What became of a partition that the journal spoke of. Offsets; ends are exclusive. */
export interface PartitionRecovery {
  /** The engine's id of the partition. */
  readonly partition: number;
  /** Topic and number, where the account was asked of an open log. */
  readonly topic?: string;
  readonly index?: number;
  /** Behind what was settled in segments. */
  readonly settledEnd: number;
  /** Below, everything was proven durable before this opening. */
  readonly provenEnd: number;
  /** Below, everything is kept. */
  readonly logEnd: number;
  /** Below, compaction may have left the newest record of every key only: offsets missing there are no loss. */
  readonly compactedEnd: number;
  /** What whole frames of the torn tail held for it: gone. */
  readonly cutBatches: number;
  readonly cutRecords: number;
  readonly cutBytes: number;
  /** Durable once, damaged now: from, to. */
  readonly lost: readonly (readonly [number, number])[];
}

/** Writes in frames of the journal. */
export interface WritesRecovery {
  readonly kept: number;
  /** Of those kept, proven durable before this opening. */
  readonly proven: number;
  /** In whole frames of the torn tail. */
  readonly cut: number;
}

/** The whole account. LSNs number the journal's frames. */
export interface RecoveryDetails {
  readonly version: number;
  readonly incarnation: number;
  readonly ended: 'first' | 'clean' | 'process' | 'machine' | 'unknown';
  readonly clean: boolean;
  readonly verdict: string;
  readonly openedMs: number;
  /** The flush policy this run was opened with, as the command line writes it. */
  readonly flush: string;
  readonly directoryId: string;
  readonly checkpointLsn: number;
  readonly durableLsn: number;
  readonly keptLsn: number;
  readonly framesReplayed: number;
  readonly keptBytes: number;
  readonly cutFrames: number;
  readonly cutRecords: number;
  readonly cutBytes: number;
  /** First and last LSN of every run of frames that was cut. */
  readonly cutLsns: readonly (readonly [number, number])[];
  /** Partitions with ranges that compaction has written. */
  readonly compactedPartitions: number;
  /** Files nothing names, removed: of a settle, compaction or merge that was cut short, or superseded by one that was not. */
  readonly unnamedFiles: number;
  readonly durationNs: number;
  readonly partitions: readonly PartitionRecovery[];
  readonly stores: readonly (WritesRecovery & { readonly store: number })[];
  /** Topics, settings, committed offsets. */
  readonly state: WritesRecovery;
  readonly damage: readonly { readonly file: string; readonly position: number; readonly detail: string }[];
}
