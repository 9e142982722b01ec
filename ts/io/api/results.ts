/**
 * Results of raw operations as `MillraceError`s.
 *
 * To remember: a result of 0 or more is a success; one of -1 to -4095 is an errno; below that it is a refusal, and
 * nothing was done.
 */
import { getSystemErrorName } from 'node:util';
import { type ErrorCode, MillraceError } from '../../errors.ts';
import { Refused } from './native-ring.ts';

const refusals: Readonly<Record<number, readonly [code: ErrorCode, reason: string]>> = {
  [Refused.fileStale]: ['MILLRACE_STALE_HANDLE', 'the file is closed'],
  [Refused.leaseStale]: ['MILLRACE_STALE_HANDLE', 'the lease has been released'],
  [Refused.leaseBusy]: ['MILLRACE_BUFFER_BUSY', 'the lease is used by an operation in flight'],
  [Refused.outOfRange]: ['MILLRACE_ARGUMENT', 'a position, length or flag is out of range'],
  [Refused.full]: ['MILLRACE_BUSY', '65,536 operations are waiting'],
  [Refused.chainTooLong]: ['MILLRACE_ARGUMENT', 'a chain has more than 32 operations'],
  [Refused.closing]: ['MILLRACE_CLOSED', 'the ring is closed or closing'],
  [Refused.detached]: ['MILLRACE_DETACHED', 'the memory was detached, transferred or made shorter under the operation'],
};

/** Results below this one are refusals. */
const LOWEST_ERRNO = -4095;

const EOPNOTSUPP = -95;
const ENOSYS = -38;
const ECANCELED = -125;
const ENOSPC = -28;
const EDQUOT = -122;

function codeOf(errno: number): ErrorCode {
  if (errno === ECANCELED) return 'MILLRACE_ABORTED';
  if (errno === ENOSPC || errno === EDQUOT) return 'MILLRACE_NO_SPACE';
  return errno === EOPNOTSUPP || errno === ENOSYS ? 'MILLRACE_UNSUPPORTED' : 'MILLRACE_IO';
}

/** The error of a refusal's number. */
export function refusal(code: number, what: string): MillraceError {
  const [name, reason] = refusals[code] ?? (['MILLRACE_IO', `refusal ${code}`] as const);
  return new MillraceError(name, `${what}: ${reason}`);
}

/** The error of a negative result. `what` is the operation, with its path where it has one. */
export function failure(result: number, what: string, path?: string): MillraceError {
  if (result < LOWEST_ERRNO) return refusal(-result - 4096, what);
  let name = String(result);
  try {
    name = getSystemErrorName(result);
  } catch {
    // A number this Node does not know stays a number.
  }
  const detail = path === undefined ? { errno: -result } : { errno: -result, path };
  return new MillraceError(codeOf(result), `${what}: ${name}`, detail);
}
