/**
 * AddOffsetsToTxn (key 25), versions 0-4: the offsets of a group take part in a transaction.
 *
 * 2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH; 3 flexible; 4 a transactional error.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type AddOffsetsToTxnRequest,
  type AddOffsetsToTxnResponse,
  addOffsetsToTxnApi,
} from '../protocol/gen/25-add-offsets-to-txn.gen.ts';
import { isWellFormed } from '../protocol/utf8.ts';
import { fencedError } from '../transactions/fenced-error.ts';

const PRODUCER_FENCED_SINCE = 2;

export function addOffsetsToTxnHandler(
  context: BrokerContext,
): Handler<AddOffsetsToTxnRequest, AddOffsetsToTxnResponse> {
  return {
    api: addOffsetsToTxnApi,
    minVersion: 0,
    maxVersion: 4,
    handle({ transactionalId, producerId, producerEpoch: epoch, groupId }, exchange) {
      if (groupId === '' || !isWellFormed(groupId)) {
        exchange.reply({ throttleTimeMs: 0, errorCode: ErrorCode.INVALID_GROUP_ID });
        return;
      }
      context.transactions.addGroup(transactionalId, { producerId, epoch }, groupId, (error) => {
        const errorCode = fencedError(error, exchange.apiVersion >= PRODUCER_FENCED_SINCE);
        exchange.reply({ throttleTimeMs: 0, errorCode });
      });
    },
  };
}
