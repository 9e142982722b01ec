/**
 * DeleteRecords (key 21), versions 0-2: moves the start of partitions; answered when that is durable (rule 52).
 *
 * -1 means the high watermark; beyond it is OFFSET_OUT_OF_RANGE; below the start nothing happens, and the start is told.
 * 2 flexible.
 */

import { Code, Level } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Exchange, Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type DeleteRecordsPartitionResult,
  type DeleteRecordsRequest,
  type DeleteRecordsResponse,
  deleteRecordsApi,
} from '../protocol/gen/21-delete-records.gen.ts';

const HIGH_WATERMARK = -1;
const LATEST = -1;
const EARLIEST = -2;

/** One request until every partition is through. */
class OpenDeleteRecords {
  readonly #context: BrokerContext;
  readonly #exchange: Exchange<DeleteRecordsResponse>;
  readonly #topics: DeleteRecordsResponse['topics'];
  #open = 1;

  constructor(context: BrokerContext, request: DeleteRecordsRequest, exchange: Exchange<DeleteRecordsResponse>) {
    this.#context = context;
    this.#exchange = exchange;
    this.#topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, offset }) => this.#begin(name, partitionIndex, offset)),
    }));
    this.#close();
  }

  #begin(name: string, partitionIndex: number, offset: number): DeleteRecordsPartitionResult {
    const { catalogue, settings } = this.#context;
    const row: DeleteRecordsPartitionResult = { partitionIndex, lowWatermark: -1, errorCode: ErrorCode.NONE };
    const topic = catalogue.get(name);
    const partition = topic?.partitions[partitionIndex];
    if (!topic || partition === undefined) return refuse(row, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    if (!settings.limitsOf(topic).mayDelete) return refuse(row, ErrorCode.POLICY_VIOLATION);
    this.#open++;
    this.#edge(partition, EARLIEST, row, (start) => {
      this.#edge(partition, LATEST, row, (end) => this.#decide(row, partition, offset, start, end));
    });
    return row;
  }

  /** One end of the log, by the number ListOffsets has for it. */
  #edge(partition: number, which: number, row: DeleteRecordsPartitionResult, found: (offset: number) => void): void {
    this.#context.engine.offsetForTime(partition, which, 0, (code, offset) => {
      if (code === Code.ok) found(offset);
      else this.#refuse(row, kafkaErrorOf(code));
    });
  }

  #decide(row: DeleteRecordsPartitionResult, partition: number, asked: number, start: number, end: number): void {
    const offset = asked === HIGH_WATERMARK ? end : asked;
    if (offset < 0 || offset > end) {
      this.#refuse(row, ErrorCode.OFFSET_OUT_OF_RANGE);
      return;
    }
    row.lowWatermark = start;
    if (offset <= start) {
      this.#close();
      return;
    }
    this.#context.engine.submit([{ kind: 'deleteRecords', partition, offset }], Level.durable, ([result], failure) => {
      const code = failure !== Code.ok ? failure : (result?.code ?? Code.ok);
      row.lowWatermark = offset;
      if (code === Code.ok) this.#close();
      else this.#refuse(row, kafkaErrorOf(code));
    });
  }

  #refuse(row: DeleteRecordsPartitionResult, error: ErrorNumber): void {
    refuse(row, error);
    this.#close();
  }

  #close(): void {
    this.#open--;
    if (this.#open === 0) this.#exchange.reply({ throttleTimeMs: 0, topics: this.#topics });
  }
}

function refuse(row: DeleteRecordsPartitionResult, error: ErrorNumber): DeleteRecordsPartitionResult {
  row.errorCode = error;
  row.lowWatermark = -1;
  return row;
}

export function deleteRecordsHandler(context: BrokerContext): Handler<DeleteRecordsRequest, DeleteRecordsResponse> {
  return {
    api: deleteRecordsApi,
    minVersion: 0,
    maxVersion: 2,
    handle(request, exchange) {
      new OpenDeleteRecords(context, request, exchange);
    },
  };
}
