/**
 * InitProducerId (key 22), versions 0-5: an id for an idempotent producer, never given twice; id and epoch of a
 * transactional one (rule 19).
 *
 * An idempotent producer that asks again (rule 17) simply gets a new id with epoch 0. A transactional one gets the next
 * epoch, which fences whoever had the last; what that one has open is aborted first.
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
import type { ProducerClaim } from '../transactions/events.ts';
import { fencedError } from '../transactions/fenced-error.ts';

const PRODUCER_FENCED_SINCE = 4;

/** Who the producer says it was. One client says 0 where it means nobody, and 0 is nobody here. */
function expectedOf({ producerId, producerEpoch }: InitProducerIdRequest): ProducerClaim | undefined {
  return producerId > 0 ? { producerId, epoch: producerEpoch } : undefined;
}

export function initProducerIdHandler(context: BrokerContext): Handler<InitProducerIdRequest, InitProducerIdResponse> {
  return {
    api: initProducerIdApi,
    minVersion: 0,
    maxVersion: 5,
    handle(request, exchange) {
      const { transactionalId, transactionTimeoutMs } = request;
      if (transactionalId !== null) {
        const expected = expectedOf(request);
        context.transactions.init(transactionalId, transactionTimeoutMs, expected, ({ error, producerId, epoch }) => {
          const errorCode = fencedError(error, exchange.apiVersion >= PRODUCER_FENCED_SINCE);
          exchange.reply({ throttleTimeMs: 0, errorCode, producerId, producerEpoch: epoch });
        });
        return;
      }
      context.producerIds.next((code, producerId) => {
        const errorCode = code === Code.ok ? ErrorCode.NONE : ErrorCode.COORDINATOR_NOT_AVAILABLE;
        exchange.reply({ throttleTimeMs: 0, errorCode, producerId, producerEpoch: code === Code.ok ? 0 : -1 });
      });
    },
  };
}
