/**
 * The one error a codec throws: the bytes, or a value to be encoded, do not fit the protocol.
 *
 * Not for refused requests (those are answered with an error code). The invariant to remember: hostile bytes end in this
 * error and in nothing else, so a connection that catches it knows that only its peer is to blame.
 */

/** Malformed bytes on decode, or a value that the wire cannot carry on encode. The connection is to be closed. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** For encoders: a field that matters was set, and this version of the message cannot carry it. */
export function notInVersion(field: string, version: number): never {
  throw new ProtocolError(`${field} cannot be sent in version ${version}`);
}
