/**
 * DeleteRecords (key 21), versions 0-2: moves the start of partitions; answered when that is durable (rule 52).
 *
 * -1 means the high watermark; beyond it is OFFSET_OUT_OF_RANGE; below the start nothing happens, and the start is told:
 * all this is decided by the engine in one step, so that no append comes between.
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
    const { catalogue, settings, engine } = this.#context;
    const row: DeleteRecordsPartitionResult = { partitionIndex, lowWatermark: -1, errorCode: ErrorCode.NONE };
    const topic = catalogue.get(name);
    const partition = topic?.partitions[partitionIndex];
    if (!topic || partition === undefined) return refuse(row, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    if (!settings.limitsOf(topic).mayDelete) return refuse(row, ErrorCode.POLICY_VIOLATION);
    if (offset < HIGH_WATERMARK) return refuse(row, ErrorCode.OFFSET_OUT_OF_RANGE);
    this.#open++;
    engine.submit([{ kind: 'deleteRecords', partition, offset }], Level.durable, ([result], failure) => {
      const code = failure !== Code.ok ? failure : (result?.code ?? Code.ok);
      row.lowWatermark = result?.logStart ?? -1;
      if (code !== Code.ok) refuse(row, kafkaErrorOf(code));
      this.#close();
    });
    return row;
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
