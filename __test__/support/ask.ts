/**
 * Requests of any API over a raw connection, by our own codecs: for tests that are a client by hand.
 *
 * Not a client: nothing is retried, and one request is under way at a time.
 */
import type { Api, Complete, Sparse } from '../../ts/broker/protocol/api.ts';
import { encodeRequestHeader, skipResponseTags } from '../../ts/broker/protocol/header.ts';
import { Reader } from '../../ts/broker/protocol/reader.ts';
import { Writer } from '../../ts/broker/protocol/writer.ts';
import type { WireConnection } from './wire.ts';

const CORRELATION_ID = 1;

/** Sends a request in a version and decodes its answer. Rejects when the connection ends before. */
export async function ask<Request, Response>(
  wire: WireConnection,
  api: Api<Request, Response>,
  version: number,
  request: Sparse<Request>,
): Promise<Complete<Response>> {
  const writer = new Writer();
  encodeRequestHeader(writer, api, version, CORRELATION_ID, 'test');
  api.encodeRequest(writer, version, request);
  const length = Buffer.alloc(4);
  length.writeInt32BE(writer.bytes().length);
  wire.send(Buffer.concat([length, writer.bytes()]));
  const reader = new Reader(await wire.frame());
  reader.int32();
  skipResponseTags(reader, api, version);
  return api.decodeResponse(reader, version);
}
