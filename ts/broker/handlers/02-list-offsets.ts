/**
 * ListOffsets (key 2), versions 1-9: offsets by position or by time (rules 35 and 36).
 *
 * -1 latest, -2 earliest, -3 (v7) the record with the largest timestamp, -4 (v8) the local start, -5 (v9) the end of
 * tiered storage, which there is none of; anything else is the first record at or after that time.
 * 1 one offset per partition; 2 isolation; 4 leader epoch; 6 flexible; 7-9 add -3, -4, -5.
 */

import { Code } from '../../io/native-types.ts';
import type { ReadRequest, Watermarks } from '../../log/types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Exchange, Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type ListOffsetsPartition,
  type ListOffsetsPartitionResponse,
  type ListOffsetsRequest,
  type ListOffsetsResponse,
  listOffsetsApi,
} from '../protocol/gen/02-list-offsets.gen.ts';

const LATEST = -1n;
const EARLIEST = -2n;
const MAX_TIMESTAMP = -3n;
const EARLIEST_LOCAL = -4n;
const LATEST_TIERED = -5n;
/** First version in which each special timestamp may be asked for. */
const SPECIAL_SINCE = new Map([
  [LATEST, 1],
  [EARLIEST, 1],
  [MAX_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
]);

const NONE = -1;

/** One request until every partition has its answer. */
class OpenListOffsets {
  readonly #context: BrokerContext;
  readonly #exchange: Exchange<ListOffsetsResponse>;
  readonly #isolation: number;
  #open = 1;
  readonly #response: ListOffsetsResponse = { topics: [] };

  constructor(context: BrokerContext, request: ListOffsetsRequest, exchange: Exchange<ListOffsetsResponse>) {
    this.#context = context;
    this.#exchange = exchange;
    this.#isolation = request.isolationLevel === 1 ? 1 : 0;
    const rows: { row: ListOffsetsPartitionResponse; asked: ListOffsetsPartition; partition: number }[] = [];
    for (const { name, partitions } of request.topics) {
      const topic = context.catalogue.get(name);
      const answers = partitions.map((asked) => {
        const row = emptyRow(asked.partitionIndex);
        const partition = topic?.partitions[asked.partitionIndex];
        if (partition === undefined) row.errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
        else rows.push({ row, asked, partition });
        return row;
      });
      this.#response.topics.push({ name, partitions: answers });
    }
    const marks = context.engine.readable(rows.map(({ asked, partition }) => this.#question(asked, partition)));
    rows.forEach(({ row, asked, partition }, index) => {
      this.#answer(row, asked, partition, marks[index] as Watermarks);
    });
    this.#close();
  }

  /** Asks for the marks only: reading from offset 0 may be out of range, and the marks are told all the same. */
  #question(asked: ListOffsetsPartition, partition: number): ReadRequest {
    return { partition, offset: 0, maxBytes: 0, isolation: this.#isolation, leaderEpoch: asked.currentLeaderEpoch };
  }

  #answer(row: ListOffsetsPartitionResponse, asked: ListOffsetsPartition, partition: number, mark: Watermarks): void {
    if (mark.code !== Code.ok && mark.code !== Code.offsetOutOfRange) {
      row.errorCode = kafkaErrorOf(mark.code);
      return;
    }
    const { timestamp } = asked;
    if (timestamp < 0n && (SPECIAL_SINCE.get(timestamp) ?? 99) > this.#exchange.apiVersion) {
      row.errorCode = ErrorCode.UNSUPPORTED_VERSION;
    } else if (timestamp === LATEST) {
      row.offset = this.#isolation === 1 ? mark.lastStable : mark.highWatermark;
      row.leaderEpoch = mark.leaderEpoch;
    } else if (timestamp === EARLIEST || timestamp === EARLIEST_LOCAL) {
      row.offset = mark.logStart;
    } else if (timestamp !== LATEST_TIERED && timestamp <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.#byTime(row, partition, Number(timestamp));
    }
  }

  #byTime(row: ListOffsetsPartitionResponse, partition: number, timestamp: number): void {
    this.#open++;
    this.#context.engine.offsetForTime(partition, timestamp, this.#isolation, (code, offset, found, leaderEpoch) => {
      row.errorCode = kafkaErrorOf(code);
      if (code === Code.ok && offset >= 0) {
        row.offset = offset;
        row.timestamp = found;
        row.leaderEpoch = leaderEpoch;
      }
      this.#close();
    });
  }

  #close(): void {
    this.#open--;
    if (this.#open === 0) this.#exchange.reply(this.#response);
  }
}

function emptyRow(partitionIndex: number): ListOffsetsPartitionResponse {
  return { partitionIndex, errorCode: ErrorCode.NONE, timestamp: NONE, offset: NONE, leaderEpoch: NONE };
}

export function listOffsetsHandler(context: BrokerContext): Handler<ListOffsetsRequest, ListOffsetsResponse> {
  return {
    api: listOffsetsApi,
    minVersion: 1,
    maxVersion: 9,
    handle(request, exchange) {
      new OpenListOffsets(context, request, exchange);
    },
  };
}
