/**
 * A broker without sockets: requests are encoded, decoded and handled as on the wire, replies come back decoded.
 *
 * To remember: what a version does not carry is lost on the way, exactly as with a client; and the memory of a request is
 * overwritten as soon as its handler may not look at it any more, so every test proves that nothing was kept.
 */
import { Broker } from '../../../ts/broker/broker.ts';
import type { AnyHandler, Exchange, Peer } from '../../../ts/broker/handler.ts';
import type { Api, Complete, Sparse } from '../../../ts/broker/protocol/api.ts';
import { createTopicsApi } from '../../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { Reader } from '../../../ts/broker/protocol/reader.ts';
import { type LeasedRecords, Writer } from '../../../ts/broker/protocol/writer.ts';
import { PeerSecurity, PLAINTEXT } from '../../../ts/broker/security/peer-security.ts';
import { BrokerSettings } from '../../../ts/broker/settings.ts';
import type { LeaseHolder } from '../../../ts/log/types.ts';
import type { EngineOptions } from '../../../ts/options.ts';
import { openWatchedEngine, type WatchedEngine } from './watched-engine.ts';

/** What became of a request. */
export type Outcome<Response> =
  | { kind: 'reply'; response: Complete<Response> }
  | { kind: 'nothing' }
  | { kind: 'closed'; reason: string };

/** A request that is on its way. */
export interface Call<Response> {
  readonly outcome: Promise<Outcome<Response>>;
  /** The reply; rejects when there is none. */
  reply(): Promise<Complete<Response>>;
  readonly ended: boolean;
  /** The client goes away. */
  abort(): void;
}

export interface Harness extends AsyncDisposable {
  readonly engine: WatchedEngine;
  readonly broker: Broker;
  /** Sends a request in a version. */
  send<Request, Response>(api: Api<Request, Response>, version: number, request: Sparse<Request>): Call<Response>;
  /** Sends and waits for the reply. */
  ask<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Sparse<Request>,
  ): Promise<Complete<Response>>;
  /** Creates a topic and returns its id. */
  topic(name: string, partitions?: number, config?: Record<string, string>): Promise<string>;
}

/** What released memory is filled with: no length, count or text of any request. */
const FORGOTTEN = 0xdd;

const peer: Peer = {
  id: 1,
  remoteAddress: '127.0.0.1',
  remotePort: 50_000,
  localAddress: '127.0.0.1',
  localPort: 9092,
  softwareName: '',
  softwareVersion: '',
  security: new PeerSecurity(PLAINTEXT),
};

/** A broker on a fresh engine with a simulated disk. */
export function openHarness(
  settings: Record<string, string | number | boolean> = {},
  options: EngineOptions = {},
): Harness {
  const engine = openWatchedEngine(options);
  const broker = new Broker({ engine, settings: new BrokerSettings(settings), print: () => {} });
  const send = <Request, Response>(api: Api<Request, Response>, version: number, request: Sparse<Request>) => {
    const writer = new Writer();
    api.encodeRequest(writer, version, request);
    const handler = broker.table.lookup(api.key) as AnyHandler;
    if (version < handler.minVersion || version > handler.maxVersion)
      throw new Error(`version ${version} is not served`);
    const bytes = writer.bytes();
    const forget = () => bytes.fill(FORGOTTEN);
    const exchange = new TestExchange(api, version, engine);
    handler.handle(handler.api.decodeRequest(new Reader(bytes), version), exchange as Exchange<unknown>);
    if (handler.holdsRequest === true) exchange.outcome.then(forget);
    else forget();
    return exchange.call();
  };
  const ask: Harness['ask'] = (api, version, request) => send(api, version, request).reply();
  const topic: Harness['topic'] = async (name, numPartitions = 1, config = {}) => {
    const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }));
    const topics = [{ name, numPartitions, replicationFactor: 1, configs }];
    const { topics: rows } = await ask(createTopicsApi, 7, { topics });
    const row = rows[0];
    if (row?.errorCode !== 0) throw new Error(`topic ${name} was not created: ${row?.errorCode}`);
    return row.topicId;
  };
  return { engine, broker, send, ask, topic, [Symbol.asyncDispose]: () => broker.close().then(() => engine.close()) };
}

class TestExchange<Request, Response> implements Exchange<Response> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId = 1;
  readonly clientId = 'test';
  readonly peer = peer;
  aborted = false;
  onAbort: (() => void) | null = null;
  onHurry: (() => void) | null = null;
  throttleMs = 0;
  ended = false;
  readonly outcome: Promise<Outcome<Response>>;
  readonly #api: Api<Request, Response>;
  readonly #leases: LeaseHolder;
  #end: (outcome: Outcome<Response>) => void = () => {};

  constructor(api: Api<Request, Response>, version: number, leases: LeaseHolder) {
    this.#api = api;
    this.#leases = leases;
    this.apiKey = api.key;
    this.apiVersion = version;
    this.outcome = new Promise((resolve) => {
      this.#end = (outcome) => {
        if (this.ended) throw new Error('the exchange was ended twice');
        this.ended = true;
        resolve(outcome);
      };
    });
  }

  call(): Call<Response> {
    const isEnded = () => this.ended;
    return {
      outcome: this.outcome,
      reply: () =>
        this.outcome.then((outcome) => {
          if (outcome.kind !== 'reply') throw new Error(`no reply but ${outcome.kind}`);
          return outcome.response;
        }),
      get ended() {
        return isEnded();
      },
      abort: () => this.#abort(),
    };
  }

  reply(response: Response, leased: readonly LeasedRecords[] = []): void {
    const writer = this.begin(64);
    this.#api.encodeResponse(writer, this.apiVersion, response);
    for (const { lease, position } of leased) {
      if (!this.aborted) this.#leases.copyLease(lease, writer.buffer, position);
      this.#leases.releaseLease(lease);
    }
    this.finish(writer);
  }

  begin(sizeHint: number): Writer {
    return new Writer(sizeHint);
  }

  finish(writer: Writer): void {
    const response = this.#api.decodeResponse(new Reader(Buffer.from(writer.bytes())), this.apiVersion);
    this.#end({ kind: 'reply', response });
  }

  replyNothing(): void {
    this.#end({ kind: 'nothing' });
  }

  close(reason: string): void {
    this.#end({ kind: 'closed', reason });
  }

  #abort(): void {
    this.aborted = true;
    const { onAbort } = this;
    this.onAbort = null;
    onAbort?.();
  }
}
