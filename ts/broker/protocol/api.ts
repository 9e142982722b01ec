/**
 * What one Kafka API is to the rest of the program: its number, its versions and its four codecs.
 *
 * Not a handler and not a connection: a pure description, generated per API into `gen/`. The invariant to remember: the
 * version range here is what the codec knows; what is served and advertised is decided by the registered handler.
 *
 * Shape of the generated code, the same for every API:
 * - `XRequest` has every field required (that is what a handler is given; a field the version does not carry holds its
 *   default). `encodeXRequest` takes `Sparse<XRequest>`: what is left out is sent as its default.
 * - `XResponse` has a field optional when Kafka's schema gives it a default, when it is tagged, or when some version
 *   lacks it; the encoder fills the default in, and drops what the version does not carry. `decodeXResponse` returns
 *   `Complete<XResponse>`.
 * - int64 is `number` (a value beyond 2^53 is a decode error), or `bigint` for the fields named in
 *   `generator/int64.ts`. uuid is 32 lower-case hex digits (`ZERO_UUID` = none). bytes and records are views
 *   (`Uint8Array`) of the request; on encode a record field may also be `LeasedRecords`, see `writer.ts`.
 */

import type { Reader } from './reader.ts';
import type { LeasedRecords, Writer } from './writer.ts';

/** One Kafka API. Methods (not properties), so that an `Api<FetchRequest, FetchResponse>` is an `Api<unknown, unknown>`. */
export interface Api<Request, Response> {
  readonly key: number;
  /** Kafka's name, e.g. `Fetch`. */
  readonly name: string;
  /** Lowest and highest version the codecs know. */
  readonly minVersion: number;
  readonly maxVersion: number;
  /** First version with compact types and tagged fields; 32767 when there is none. */
  readonly flexibleFrom: number;
  decodeRequest(reader: Reader, version: number): Request;
  encodeRequest(writer: Writer, version: number, request: Sparse<Request>): void;
  decodeResponse(reader: Reader, version: number): Complete<Response>;
  encodeResponse(writer: Writer, version: number, response: Response): void;
}

type Scalar = string | number | bigint | boolean | null | undefined | Uint8Array;

/** Every field present, at every depth, and no leases: what a decoder returns. */
export type Complete<T> = T extends LeasedRecords
  ? never
  : T extends Scalar
    ? T
    : T extends readonly (infer Item)[]
      ? Complete<Item>[]
      : { [Key in keyof T]-?: Complete<Exclude<T[Key], undefined>> };

/** Any field may be left out, at every depth: what a request encoder takes. */
export type Sparse<T> = T extends Scalar
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Sparse<Item>[]
    : { readonly [Key in keyof T]?: Sparse<T[Key]> };
