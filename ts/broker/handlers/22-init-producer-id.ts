/**
 * InitProducerId (key 22), versions 0-5: an id for an idempotent producer, never given twice.
 *
 * Transactions are not served yet: a transactional id is INVALID_REQUEST, which no client retries. An idempotent
 * producer that asks again (rule 17) simply gets a new id with epoch 0.
 * 2 flexible; 3 old id and epoch; 4 PRODUCER_FENCED; 5 a transactional error.
 */

import { Code } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type InitProducerIdRequest,
  type InitProducerIdResponse,
  initProducerIdApi,
} from '../protocol/gen/22-init-producer-id.gen.ts';

export function initProducerIdHandler(context: BrokerContext): Handler<InitProducerIdRequest, InitProducerIdResponse> {
  return {
    api: initProducerIdApi,
    minVersion: 0,
    maxVersion: 5,
    handle(request, exchange) {
      if (request.transactionalId !== null) {
        const errorCode = ErrorCode.INVALID_REQUEST;
        exchange.reply({ throttleTimeMs: 0, errorCode, producerId: -1, producerEpoch: -1 });
        return;
      }
      context.producerIds.next((code, producerId) => {
        const errorCode = code === Code.ok ? ErrorCode.NONE : ErrorCode.COORDINATOR_NOT_AVAILABLE;
        exchange.reply({ throttleTimeMs: 0, errorCode, producerId, producerEpoch: code === Code.ok ? 0 : -1 });
      });
    },
  };
}
