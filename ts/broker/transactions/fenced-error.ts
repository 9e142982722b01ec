/**
 * How a fenced producer is told: old versions of each request know only INVALID_PRODUCER_EPOCH.
 *
 * Not who is fenced. To remember: rule 18 names both, by request and version.
 */

import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';

/** The error as this version of the request knows it. */
export function fencedError(error: ErrorNumber, knowsFenced: boolean): ErrorNumber {
  return error === ErrorCode.PRODUCER_FENCED && !knowsFenced ? ErrorCode.INVALID_PRODUCER_EPOCH : error;
}
