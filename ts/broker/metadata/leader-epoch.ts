/**
 * Whether a client believes in the leader epoch that is in force (rule 33).
 *
 * Fetches are checked by the engine itself. To remember: the epoch grows at every start, so a fenced client refreshes its
 * metadata once and goes on.
 */

import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';

/** Compares the epoch a client sent with the one in force; -1 is not checked. */
export function leaderEpochRefusal(believed: number, inForce: number): ErrorNumber {
  if (believed < 0 || believed === inForce) return ErrorCode.NONE;
  return believed < inForce ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH;
}
