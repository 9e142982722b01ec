/**
 * WriteTxnMarkers (key 27), version 1: an administrator ends a transaction in partitions by force; answered when the
 * markers are durable.
 *
 * Not how transactions end here, which is one frame of the coordinator's. To remember: each partition is a frame of its
 * own, and one that knows a newer epoch of the producer refuses.
 */

import { Code, type CodeNumber, Level } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type WritableTxnMarker,
  type WritableTxnMarkerPartitionResult,
  type WriteTxnMarkersRequest,
  type WriteTxnMarkersResponse,
  writeTxnMarkersApi,
} from '../protocol/gen/27-write-txn-markers.gen.ts';

/** Writes one marker; `done` runs once, when it is durable or refused. */
function writeMarker(
  context: BrokerContext,
  partition: number,
  { producerId, producerEpoch, transactionResult: committed }: WritableTxnMarker,
  done: (code: CodeNumber) => void,
): void {
  const effect = { kind: 'endTransaction', partition, producerId, producerEpoch, committed } as const;
  context.engine.submit([effect], Level.durable, ([result], failure) => {
    done(failure !== Code.ok ? failure : (result?.code ?? Code.ok));
  });
}

export function writeTxnMarkersHandler(
  context: BrokerContext,
): Handler<WriteTxnMarkersRequest, WriteTxnMarkersResponse> {
  return {
    api: writeTxnMarkersApi,
    minVersion: 1,
    maxVersion: 1,
    handle(request, exchange) {
      let open = 1;
      const close = (): void => {
        open -= 1;
        if (open === 0) exchange.reply({ markers });
      };
      const markers = request.markers.map((marker) => ({
        producerId: marker.producerId,
        topics: marker.topics.map(({ name, partitionIndexes }) => ({
          name,
          partitions: partitionIndexes.map((partitionIndex) => {
            const row: WritableTxnMarkerPartitionResult = { partitionIndex, errorCode: ErrorCode.NONE };
            const partition = context.catalogue.get(name)?.partitions[partitionIndex];
            if (partition === undefined) {
              row.errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
              return row;
            }
            open += 1;
            writeMarker(context, partition, marker, (code) => {
              row.errorCode = kafkaErrorOf(code);
              close();
            });
            return row;
          }),
        })),
      }));
      close();
    },
  };
}
