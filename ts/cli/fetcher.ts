/**
 * The reading side of `consume`: fetches the wanted partitions of a server and hands out records in offset order per
 * partition. It knows positions and ends, not groups and not how records look.
 *
 * Invariant: a record is handed out once, and a partition whose end is reached is not asked again.
 */
import { fetchApi } from '../broker/protocol/gen/01-fetch.gen.ts';
import { Field } from '../log/batch-layout.ts';
import { type InflateTools, readHeader, readRecords } from '../log/batch-view.ts';
import { check } from './kafka-names.ts';
import type { CliRecord } from './record.ts';
import type { Session } from './session.ts';

/** One partition to read. `next` moves on as records are handed out; `end` is exclusive, Infinity follows. */
export interface ReadPosition {
  readonly topic: string;
  readonly partition: number;
  next: number;
  readonly end: number;
}

const maxWaitMs = 500;
const responseBytes = 32 * 1024 * 1024;
const partitionBytes = 4 * 1024 * 1024;

/** What a partition's answer said about it. */
interface PartitionAnswer {
  readonly partitionIndex: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly records: Uint8Array | null;
}

export class Fetcher {
  readonly #session: Session;
  readonly #tools: InflateTools;
  #positions: readonly ReadPosition[] = [];

  constructor(session: Session, tools: InflateTools) {
    this.#session = session;
    this.#tools = tools;
  }

  /** Replaces what is read. */
  assign(positions: readonly ReadPosition[]): void {
    this.#positions = positions;
  }

  /** The partitions that have not reached their end. */
  get active(): readonly ReadPosition[] {
    return this.#positions.filter((position) => position.next < position.end);
  }

  /** Waits up to half a second for records; hands each to `take`, which answers false to stop. Returns false then. */
  async poll(take: (record: CliRecord) => boolean): Promise<boolean> {
    const active = this.active;
    if (active.length === 0) return true;
    const response = await this.#session.send(fetchApi, {
      replicaId: -1,
      maxWaitMs,
      minBytes: 1,
      maxBytes: responseBytes,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: groupByTopic(active),
    });
    check(response.errorCode, 'fetch');
    for (const { topic, partitions } of response.responses) {
      for (const answer of partitions) {
        const position = active.find((one) => one.topic === topic && one.partition === answer.partitionIndex);
        if (position === undefined) continue;
        check(answer.errorCode, `${topic}/${answer.partitionIndex} at offset ${position.next}`);
        if (!this.#handOut(position, answer, take)) return false;
      }
    }
    return true;
  }

  #handOut(position: ReadPosition, answer: PartitionAnswer, take: (record: CliRecord) => boolean): boolean {
    const { records } = answer;
    if (records === null) return true;
    const bytes = Buffer.from(records.buffer, records.byteOffset, records.length);
    for (let at = 0; ; ) {
      const header = readHeader(bytes, at, bytes.length);
      if (header === undefined) return true;
      if (!header.control) {
        for (const record of readRecords(bytes, at, header, position.partition, position.next, this.#tools)) {
          const offset = Number(record.offset);
          if (offset >= position.end) break;
          position.next = offset + 1;
          if (!take(describe(record, offset, position.topic, header, bytes, at, answer))) return false;
        }
      }
      // Control batches and offsets that compaction took away are passed as well.
      position.next = Math.max(position.next, header.lastOffset + 1);
      at += header.length;
    }
  }
}

function groupByTopic(positions: readonly ReadPosition[]) {
  const topics = new Map<
    string,
    {
      partition: number;
      currentLeaderEpoch: number;
      fetchOffset: number;
      logStartOffset: number;
      partitionMaxBytes: number;
    }[]
  >();
  for (const { topic, partition, next } of positions) {
    const wanted = topics.get(topic) ?? [];
    wanted.push({
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: next,
      logStartOffset: -1,
      partitionMaxBytes: partitionBytes,
    });
    topics.set(topic, wanted);
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}

function describe(
  record: {
    timestamp: number;
    key: Buffer | null;
    value: Buffer | null;
    headers: readonly (readonly [string, Buffer | null])[];
  },
  offset: number,
  topic: string,
  header: { leaderEpoch: number; attributes: number },
  bytes: Buffer,
  at: number,
  answer: PartitionAnswer,
): CliRecord {
  return {
    topic,
    partition: answer.partitionIndex,
    offset,
    timestamp: record.timestamp,
    key: record.key,
    value: record.value,
    headers: record.headers.map(([key, value]) => ({ key, value })),
    leaderEpoch: header.leaderEpoch,
    attributes: header.attributes,
    producerId: Number(bytes.readBigInt64BE(at + Field.producerId)),
    producerEpoch: bytes.readInt16BE(at + Field.producerEpoch),
    logStart: answer.logStartOffset,
    lastStable: answer.lastStableOffset,
    highWatermark: answer.highWatermark,
  };
}
