/**
 * From the bytes of one request to its handler: header, version check, body, `handle`.
 *
 * Knows neither sockets nor what an API means. The invariant to remember: an unknown API or version closes the connection,
 * as Kafka does, with one exception: ApiVersions in an unsupported version is answered with error 35 in the layout of
 * version 0, from which every client finds a version both sides have.
 */

import type { OpenExchange } from './exchange.ts';
import type { AnyHandler, HandlerTable } from './handler.ts';
import { ErrorCode } from './protocol/error-codes.ts';
import type { ApiVersionsResponse } from './protocol/gen/18-api-versions.gen.ts';
import { API_VERSIONS_KEY, decodeClientId } from './protocol/header.ts';
import { ProtocolError } from './protocol/protocol-error.ts';
import { Reader } from './protocol/reader.ts';

/** The connection, as `dispatch` sees it. */
export interface Opener {
  /** Throws `ProtocolError` when the peer may not ask for this API now. */
  admit(apiKey: number): void;
  /** Puts a new exchange at the end of the connection's queue. */
  open(handler: AnyHandler, apiVersion: number, correlationId: number, clientId: string | null): OpenExchange;
}

/** One for all requests: decoding ends before a handler begins. */
const reader = new Reader(new Uint8Array(0));

/**
 * Hands the request in `bytes[start, end)` to its handler. Throws `ProtocolError` when it is malformed or not served; an
 * error thrown by a handler passes through.
 */
export function dispatch(table: HandlerTable, bytes: Uint8Array, start: number, end: number, opener: Opener): void {
  reader.restart(bytes, start, end);
  const apiKey = reader.int16();
  const apiVersion = reader.int16();
  const correlationId = reader.int32();
  const handler = table.lookup(apiKey);
  if (handler === undefined) throw new ProtocolError(`API ${apiKey} is not served`);
  if (apiVersion < handler.minVersion || apiVersion > handler.maxVersion) {
    if (apiKey !== API_VERSIONS_KEY) {
      throw new ProtocolError(`${handler.api.name} is not served in version ${apiVersion}`);
    }
    refuseVersion(table, opener.open(handler, 0, correlationId, null));
    return;
  }
  opener.admit(apiKey);
  const clientId = decodeClientId(reader, handler.api, apiVersion);
  // Bytes after the request are let pass, as Kafka does: some clients pad.
  const request = handler.api.decodeRequest(reader, apiVersion);
  handler.handle(request, opener.open(handler, apiVersion, correlationId, clientId));
}

/** The version-0 answer to an ApiVersions request of a version that is not served. */
function refuseVersion(table: HandlerTable, exchange: OpenExchange): void {
  const response: ApiVersionsResponse = {
    errorCode: ErrorCode.UNSUPPORTED_VERSION,
    apiKeys: table.ranges().map((range) => ({ ...range })),
  };
  exchange.reply(response);
}
