/** Bytes that are no command: the connection is told why and closed. To remember: nothing of the client's is in the text. */

export class RespProtocolError extends Error {
  constructor(what: string) {
    super(`ERR Protocol error: ${what}`);
    this.name = 'RespProtocolError';
  }
}
