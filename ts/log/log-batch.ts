/**
 * One batch as a reader gets it: a header, its records on demand, and the commit that belongs to it.
 *
 * Not the reading. To remember: its memory is the reader's own; nothing of it changes when the reader goes on.
 */

import { MillraceError } from '../errors.ts';
import { fromCode } from '../io/native-error.ts';
import { Code, Level } from '../io/native-types.ts';
import { type BatchHeader, type InflateTools, readRecords } from './batch-view.ts';
import { offsetEffect, tellCommitted } from './committed-offset.ts';
import type { LogRecord } from './record.ts';
import type { ReadTarget } from './start-position.ts';
import type { Effect, Engine } from './types.ts';

/** What all batches of one reader share. */
export interface BatchContext {
  readonly engine: Engine;
  readonly tools: InflateTools;
  readonly group: string | undefined;
}

/** One batch. */
export class LogBatch {
  readonly topic: string;
  readonly partition: number;
  /** Records in the batch; fewer are yielded when reading started inside it. */
  readonly count: number;
  readonly #context: BatchContext;
  readonly #bytes: Buffer;
  readonly #at: number;
  readonly #header: BatchHeader;
  readonly #from: number;

  constructor(context: BatchContext, target: ReadTarget, bytes: Buffer, at: number, header: BatchHeader, from: number) {
    this.topic = target.topic;
    this.partition = target.partition;
    this.count = header.count;
    this.#context = context;
    this.#bytes = bytes;
    this.#at = at;
    this.#header = header;
    this.#from = from;
  }

  get baseOffset(): bigint {
    return BigInt(this.#header.baseOffset);
  }

  get lastOffset(): bigint {
    return BigInt(this.#header.lastOffset);
  }

  /** The batch as it is stored: a Kafka record batch, magic 2. */
  get bytes(): Buffer {
    return this.#bytes.subarray(this.#at, this.#at + this.#header.length);
  }

  /** The records, in offset order, from where reading started. */
  records(): Iterable<LogRecord> {
    return readRecords(this.#bytes, this.#at, this.#header, this.partition, this.#from, this.#context.tools);
  }

  /**
   * Commits, for the reader's group, that everything up to the end of this batch has been handled. Resolves when a power
   * cut cannot take that back.
   */
  commit(): Promise<void> {
    try {
      const { engine, effect, committed } = this.prepareCommit();
      return new Promise((resolve, reject) => {
        engine.submit([effect], Level.durable, ([result], failure) => {
          const code = result?.code ?? Code.ok;
          if (failure !== Code.ok) return reject(new MillraceError('MILLRACE_OUTCOME_UNKNOWN'));
          if (code !== Code.ok) return reject(fromCode(code));
          committed();
          resolve();
        });
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The same as an effect, for a frame that the caller submits; `committed` is to run when that frame is stored. Throws
   * MILLRACE_ARGUMENT when the reader has no group.
   */
  prepareCommit(): { readonly engine: Engine; readonly effect: Effect; readonly committed: () => void } {
    const { engine, group } = this.#context;
    if (group === undefined) {
      throw new MillraceError('MILLRACE_ARGUMENT', 'commit needs a reader that was opened with a group');
    }
    const { lastOffset, leaderEpoch } = this.#header;
    const stored = { offset: lastOffset + 1, leaderEpoch, metadata: '', committedMs: Date.now() };
    const commit = { group, topic: this.topic, partition: this.partition, stored };
    return { engine, effect: offsetEffect(commit), committed: () => tellCommitted(engine, commit) };
  }
}
