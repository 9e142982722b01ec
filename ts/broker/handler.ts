/**
 * The contract between a connection and a handler: a decoded request goes in, one reply comes out, at any later time.
 *
 * Handlers never see a socket. The invariant to remember: every exchange is ended exactly once, by `reply`, `finish`,
 * `replyNothing` or `close`; the connection sends replies in request order whatever order they are ended in (rule 1 of
 * the Kafka requirements), and holds only a bounded number of open exchanges.
 */

import type { Api } from './protocol/api.ts';
import type { LeasedRecords, Writer } from './protocol/writer.ts';
import type { PeerSecurity } from './security/peer-security.ts';

/** Who is on the other side of a connection. Lives as long as the connection. */
export interface Peer {
  /** Unique in this process, never reused. */
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Address of ours the peer is connected to: one that it can reach, whatever was listened on. */
  readonly localAddress: string;
  readonly localPort: number;
  /** Name and version the client gave in ApiVersions v3+; empty until then. Set by the ApiVersions handler. */
  softwareName: string;
  softwareVersion: string;
  /** Who it is, and what it may ask for before it has said so. */
  readonly security: PeerSecurity;
}

/** One request that waits for its reply. */
export interface Exchange<Response> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  readonly peer: Peer;
  /** True once the connection is gone: whatever is replied goes nowhere, ending it is still allowed. */
  readonly aborted: boolean;
  /** Set by a handler that waits (long poll, join): runs once if the connection goes before the exchange is ended. */
  onAbort: (() => void) | null;
  /** Set by a handler that waits for others: the peer sends nothing more, so what there is is to be told now. */
  onHurry: (() => void) | null;
  /** Set by the handler of Produce: requests like this one may be appended where they arrive, when it has been answered. */
  isPlain?: boolean;
  /** Set by a handler whose client is over a quota: no request of it is taken for so long after the reply, ms. */
  throttleMs: number;
  /**
   * Ends the exchange: encodes and queues the reply. `leased` are all the leased records in it, in order: they are copied
   * or sent from where they lie, and released whatever happens, also when the connection is gone.
   */
  reply(response: Response, leased?: readonly LeasedRecords[]): void;
  /** Ends the exchange without a reply (acks=0). */
  replyNothing(): void;
  /**
   * Starts a reply by hand: the writer already holds the length gap and the response header; `sizeHint` is the expected
   * number of body bytes, so that a large reply is allocated once. The handler encodes the body, then calls `finish` with
   * the same writer. Nothing else may be written after that.
   */
  begin(sizeHint: number): Writer;
  finish(writer: Writer): void;
  /** Ends the exchange by closing the connection (acks=0 with an error, rule 2). `reason` is for the log. */
  close(reason: string): void;
}

/** What a server needs of an API: how requests are decoded may be a handler's own way. */
export type ServedApi<Request, Response> = Omit<Api<Request, Response>, 'encodeRequest' | 'decodeResponse'>;

/** The code behind one API. `handle` is called with requests in arrival order and must not throw for bad input. */
export interface Handler<Request, Response> {
  readonly api: ServedApi<Request, Response>;
  /** Versions served: others close the connection (ApiVersions: error 35). */
  readonly minVersion: number;
  readonly maxVersion: number;
  /** Lowest version told in ApiVersions where it differs from `minVersion` (Produce tells 0 and serves from 3). */
  readonly advertisedMinVersion?: number;
  /**
   * The handler looks at bytes of the request until its exchange has ended, and no longer. Without it, byte views of a
   * request are good only while `handle` runs: what is to be kept is copied. Strings are always copies.
   */
  readonly holdsRequest?: true;
  handle(request: Request, exchange: Exchange<Response>): void;
}

export type AnyHandler = Handler<unknown, unknown>;

/** One row of the ApiVersions answer. */
export interface ApiRange {
  readonly apiKey: number;
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** The registered handlers by API key: what is served is exactly what is advertised. */
export class HandlerTable {
  readonly #byKey: (AnyHandler | undefined)[] = [];
  readonly #ranges: ApiRange[] = [];

  /** Throws on a key registered twice and on a range the codec does not know. */
  constructor(handlers: readonly AnyHandler[]) {
    for (const handler of [...handlers].sort((a, b) => a.api.key - b.api.key)) {
      const { key, name, minVersion, maxVersion } = handler.api;
      if (this.#byKey[key] !== undefined) throw new Error(`API ${key} ${name} is registered twice`);
      if (
        handler.minVersion < minVersion ||
        handler.maxVersion > maxVersion ||
        handler.minVersion > handler.maxVersion
      ) {
        throw new Error(`API ${key} ${name}: no codec for versions ${handler.minVersion}-${handler.maxVersion}`);
      }
      this.#byKey[key] = handler;
      this.#ranges.push({
        apiKey: key,
        minVersion: handler.advertisedMinVersion ?? handler.minVersion,
        maxVersion: handler.maxVersion,
      });
    }
  }

  /** The handler for an API key, or undefined: then the connection is closed, as Kafka does. */
  lookup(apiKey: number): AnyHandler | undefined {
    return this.#byKey[apiKey];
  }

  /** Rows of the ApiVersions answer, by API key. */
  ranges(): readonly ApiRange[] {
    return this.#ranges;
  }
}
