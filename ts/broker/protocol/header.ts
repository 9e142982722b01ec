/**
 * Request and response headers, both directions.
 *
 * Which header a message has follows from its API and version: flexible requests use header 2, flexible responses
 * header 1. The invariant to remember: the answer to ApiVersions always has response header 0, whatever its version,
 * because the client does not know yet which versions we speak.
 */

import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

export const API_VERSIONS_KEY = 18;

/** What a header needs to know of an API. */
export interface HeaderFacts {
  readonly key: number;
  readonly flexibleFrom: number;
}

/**
 * Reads the rest of a request header behind API key (int16), version (int16) and correlation id (int32): the client id, and
 * the tagged fields of flexible requests.
 */
export function decodeClientId(reader: Reader, api: HeaderFacts, version: number): string | null {
  // Not compact even in header 2, so that a broker can read it before it knows the API.
  const clientId = reader.nullableString(false);
  if (version >= api.flexibleFrom) reader.skipTags();
  return clientId;
}

export function encodeRequestHeader(
  writer: Writer,
  api: HeaderFacts,
  version: number,
  correlationId: number,
  clientId: string | null,
): void {
  writer.int16(api.key);
  writer.int16(version);
  writer.int32(correlationId);
  writer.nullableString(false, clientId);
  if (version >= api.flexibleFrom) writer.varuint(0);
}

/** Writes the header of a reply. */
export function encodeResponseHeader(writer: Writer, api: HeaderFacts, version: number, correlationId: number): void {
  writer.int32(correlationId);
  if (version >= api.flexibleFrom && api.key !== API_VERSIONS_KEY) writer.varuint(0);
}

/** Reads what follows the correlation id in the header of a reply. */
export function skipResponseTags(reader: Reader, api: HeaderFacts, version: number): void {
  if (version >= api.flexibleFrom && api.key !== API_VERSIONS_KEY) reader.skipTags();
}
