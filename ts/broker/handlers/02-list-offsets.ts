/**
 * ListOffsets (key 2), versions 1-9: offsets by position or by time (rules 35 and 36).
 *
 * -1 latest, -2 earliest, -3 (v7) the record with the largest timestamp, -4 (v8) the local start, -5 (v9) the end of
 * tiered storage, which there is none of; anything else is the first record at or after that time.
 * 1 one offset per partition; 2 isolation; 4 leader epoch; 6 flexible; 7-9 add -3, -4, -5.
 */

import { Code } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Exchange, Handler } from '../handler.ts';
import { leaderEpochRefusal } from '../metadata/leader-epoch.ts';
import { isolationNow, type ShownIsolation, shownIsolation } from '../metadata/topic-isolation.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type ListOffsetsPartition,
  type ListOffsetsPartitionResponse,
  type ListOffsetsRequest,
  type ListOffsetsResponse,
  listOffsetsApi,
} from '../protocol/gen/02-list-offsets.gen.ts';

const LATEST = -1n;
const LATEST_TIERED = -5n;
/** First version in which each special timestamp may be asked for. */
const SPECIAL_SINCE = new Map([
  [LATEST, 1],
  [-2n, 1],
  [-3n, 7],
  [-4n, 8],
  [LATEST_TIERED, 9],
]);
const NEVER = 99;
const NONE = -1;

/** One request until every partition has its answer. */
class OpenListOffsets {
  readonly #context: BrokerContext;
  readonly #exchange: Exchange<ListOffsetsResponse>;
  readonly #response: ListOffsetsResponse = { topics: [] };
  #open = 1;

  constructor(context: BrokerContext, request: ListOffsetsRequest, exchange: Exchange<ListOffsetsResponse>) {
    this.#context = context;
    this.#exchange = exchange;
    for (const { name, partitions } of request.topics) {
      const topic = context.catalogue.get(name);
      const shown = shownIsolation(context.settings, topic, request.isolationLevel);
      const rows = partitions.map((asked) => this.#answer(asked, topic?.partitions[asked.partitionIndex], shown));
      this.#response.topics.push({ name, partitions: rows });
    }
    this.#close();
  }

  #answer(
    asked: ListOffsetsPartition,
    partition: number | undefined,
    shown: ShownIsolation,
  ): ListOffsetsPartitionResponse {
    const row = emptyRow(asked.partitionIndex);
    const { timestamp } = asked;
    const epochError = leaderEpochRefusal(asked.currentLeaderEpoch, this.#context.node.leaderEpoch);
    if (partition === undefined) {
      row.errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    } else if (epochError !== ErrorCode.NONE) {
      row.errorCode = epochError;
    } else if (timestamp < 0n && (SPECIAL_SINCE.get(timestamp) ?? NEVER) > this.#exchange.apiVersion) {
      row.errorCode = ErrorCode.UNSUPPORTED_VERSION;
    } else if (timestamp !== LATEST_TIERED && timestamp <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.#find(row, partition, timestamp, shown);
    }
    return row;
  }

  /** The engine knows the ends of the log by the same numbers, and finds records by time. */
  #find(row: ListOffsetsPartitionResponse, partition: number, timestamp: bigint, shown: ShownIsolation): void {
    const { engine, node } = this.#context;
    this.#open++;
    const isolation = isolationNow(engine, partition, shown);
    engine.offsetForTime(partition, Number(timestamp), isolation, (code, offset, found, leaderEpoch) => {
      row.errorCode = kafkaErrorOf(code);
      if (code === Code.ok && offset >= 0) {
        row.offset = offset;
        row.timestamp = found;
        row.leaderEpoch = timestamp === LATEST ? node.leaderEpoch : leaderEpoch;
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
