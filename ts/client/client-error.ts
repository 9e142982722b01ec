/** What goes wrong between our own Kafka client and a server, before any Kafka error code is involved. */

export type ClientFailure =
  /** No connection could be made. */
  | 'connect'
  /** The connection ended; whether an open request was carried out is not known. */
  | 'closed'
  /** No reply within the time asked for; the connection is closed. */
  | 'timeout'
  /** The server does not have this API, or no version of it that we have. */
  | 'unsupported'
  /** The server does not let this user in, or is not the one it should be. */
  | 'login'
  /** The server sent something that is not the protocol; the connection is closed. */
  | 'protocol';

export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly failure: ClientFailure;

  constructor(failure: ClientFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.failure = failure;
  }
}
