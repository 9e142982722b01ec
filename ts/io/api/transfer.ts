/**
 * Bytes from file to socket, pipe or file without passing through JavaScript: sendfile, splice, tee, copy_file_range.
 *
 * To remember: every call says how far it came, also when it ends badly (`TransferError.transferred`); an abort ends it
 * between two pieces. Whoever else writes to the same socket meanwhile mixes their bytes with these.
 */
import { type ErrorCode, type ErrorDetail, MillraceError } from '../../errors.ts';
import { Op } from './native-ring.ts';
import type { RingFile } from './ring-file.ts';

/** Options of a transfer. */
export interface TransferOptions {
  /** Where it begins in the source; for pipes left out. Default 0 for files. */
  readonly position?: number | undefined;
  /** Where it goes in the target, when that is a file. Default 0. */
  readonly targetPosition?: number | undefined;
  /** Bytes at most. Default: up to the end of the source. */
  readonly length?: number | undefined;
  /** Bytes of one piece, after which others get their turn and an abort is seen. Default 1 MiB. */
  readonly pieceBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told after every piece how many bytes have gone. */
  readonly onProgress?: ((transferred: number) => void) | undefined;
}

/** A transfer that ended early: `transferred` bytes have gone, in order, from the beginning. */
export class TransferError extends MillraceError {
  readonly transferred: number;

  constructor(code: ErrorCode, transferred: number, detail: ErrorDetail) {
    super(code, `after ${transferred} bytes`, detail);
    this.name = 'TransferError';
    this.transferred = transferred;
  }
}

const PIECE_BYTES = 2 ** 20;
const PIECE_MAX = 2 ** 30;

/** One piece: from how far it came already, at most so many bytes; how many went. 0 is the end of the source. */
type Piece = (done: number, length: number) => Promise<number>;

async function pieces(options: TransferOptions, piece: Piece): Promise<number> {
  const { length = Number.POSITIVE_INFINITY, pieceBytes = PIECE_BYTES, signal, onProgress } = options;
  if (!(length >= 0) || !Number.isSafeInteger(pieceBytes) || pieceBytes < 1 || pieceBytes > PIECE_MAX) {
    throw new MillraceError('MILLRACE_ARGUMENT', 'a length is a number from 0, a piece 1 byte to 1 GiB');
  }
  let done = 0;
  try {
    while (done < length) {
      signal?.throwIfAborted();
      const went = await piece(done, Math.min(pieceBytes, length - done));
      if (went === 0) break;
      done += went;
      onProgress?.(done);
    }
  } catch (error) {
    const isOurs = error instanceof MillraceError;
    const { errno } = error as MillraceError;
    const code = isOurs ? error.code : signal?.aborted ? 'MILLRACE_ABORTED' : undefined;
    if (code === undefined) throw error;
    const cause = isOurs && error.cause !== undefined ? error.cause : error;
    throw new TransferError(code, done, errno === undefined ? { cause } : { cause, errno });
  }
  return done;
}

const bytesDone = (result: number): number => result;

function sameRing(from: RingFile, to: RingFile): void {
  if (from.core === to.core) return;
  throw new MillraceError('MILLRACE_ARGUMENT', 'both ends of a transfer belong to one ring');
}

/**
 * Sends a file to a socket, a pipe or another file (sendfile). Runs on a thread beside the ring: rings have no such
 * operation, and a page that is not in memory would hold up everybody. How many bytes went.
 */
export async function sendFile(from: RingFile, to: RingFile, options: TransferOptions = {}): Promise<number> {
  sameRing(from, to);
  const { position = 0, signal } = options;
  return pieces(options, (done, length) => {
    const common = { op: Op.sendfile, what: 'sendfile', file: from.number, otherFile: to.number };
    return from.core.start({ ...common, position: position + done, length, signal, finish: bytesDone });
  });
}

/** Moves bytes between a pipe and anything (splice): one of the two is a pipe. How many bytes went. */
export async function splice(from: RingFile, to: RingFile, options: TransferOptions = {}): Promise<number> {
  sameRing(from, to);
  const { position, targetPosition, signal } = options;
  const at = (start: number | undefined, done: number) => (start === undefined ? undefined : start + done);
  return pieces(options, (done, length) => {
    const positions = { position: at(position, done), otherPosition: at(targetPosition, done) };
    const common = { op: Op.splice, what: 'splice', file: from.number, otherFile: to.number, ...positions };
    return from.core.start({ ...common, length, signal, finish: bytesDone });
  });
}

/** Copies what is in one pipe into another without taking it out (tee), once. How many bytes. */
export async function tee(from: RingFile, to: RingFile, length: number, signal?: AbortSignal): Promise<number> {
  sameRing(from, to);
  const common = { op: Op.tee, what: 'tee', file: from.number, otherFile: to.number };
  return from.core.start({ ...common, length, signal, finish: bytesDone });
}

/**
 * Copies a range between files (copy_file_range): in the kernel, or by sharing blocks where the file system can. How many
 * bytes. Durable after a `datasync` of the target.
 */
export async function copyRange(from: RingFile, to: RingFile, options: TransferOptions = {}): Promise<number> {
  sameRing(from, to);
  const { position = 0, targetPosition = 0, signal } = options;
  return pieces(options, (done, length) => {
    const positions = { position: position + done, otherPosition: targetPosition + done };
    const common = { op: Op.copyRange, what: 'copy_file_range', file: from.number, otherFile: to.number, ...positions };
    return from.core.start({ ...common, length, signal, finish: bytesDone });
  });
}
