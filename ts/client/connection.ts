/**
 * A Kafka connection as a client has it: for our command line and tests, not for applications.
 *
 * One connection to one server, requests pipelined in the order of the calls, versions negotiated once. No routing, no
 * retries, no batching: what to do after an error is the caller's decision. The invariant to remember: every request
 * settles, at the latest when the connection ends or its time is up.
 */

import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Api, Complete, Sparse } from '../broker/protocol/api.ts';
import { ErrorCode } from '../broker/protocol/error-codes.ts';
import { FrameCutter } from '../broker/protocol/framing.ts';
import { apiVersionsApi } from '../broker/protocol/gen/18-api-versions.gen.ts';
import { API_VERSIONS_KEY, encodeRequestHeader, skipResponseTags } from '../broker/protocol/header.ts';
import type { Reader } from '../broker/protocol/reader.ts';
import { Writer } from '../broker/protocol/writer.ts';
import { ClientError } from './client-error.ts';
import { PendingRequests } from './pending.ts';
import { type Credentials, login } from './sasl.ts';
import { type ApiFacts, ServedVersions } from './versions.ts';

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId?: string;
  /** Speaks TLS with these settings. */
  readonly tls?: ConnectionOptions | undefined;
  /** Logs in as this user. */
  readonly credentials?: Credentials | undefined;
  /** For connecting and negotiating together; default 10 s. */
  readonly connectMs?: number;
  /** For each reply, unless a request says otherwise; default 60 s. */
  readonly requestMs?: number;
}

export interface RequestOptions {
  /** Highest version to use. */
  readonly maxVersion?: number;
  readonly timeoutMs?: number;
}

const CONNECT_MS = 10_000;
const REQUEST_MS = 60_000;
/** For the server to close its side. */
const CLOSE_MS = 2_000;
const TIMER_MS = 250;
const MAX_REPLY_BYTES = 1024 * 1024 * 1024;
const GATHER_BYTES = 1024 * 1024;
const UNBOUNDED = { take: () => true, give: () => {} };
const SOFTWARE = { clientSoftwareName: 'millrace', clientSoftwareVersion: '1' };

export class ClientConnection implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #clientId: string;
  readonly #requestMs: number;
  readonly #cutter = new FrameCutter({ maxFrameBytes: MAX_REPLY_BYTES, minGatherBytes: GATHER_BYTES }, UNBOUNDED);
  readonly #pending = new PendingRequests();
  readonly #timer: NodeJS.Timeout;
  readonly #closed: Promise<void>;
  #served = new ServedVersions([{ apiKey: apiVersionsApi.key, minVersion: 0, maxVersion: 4 }]);
  #correlationId = 0;
  #isCorked = false;

  private constructor(socket: Socket, options: ConnectOptions) {
    this.#socket = socket;
    this.#clientId = options.clientId ?? 'millrace';
    this.#requestMs = options.requestMs ?? REQUEST_MS;
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('error', (error) => this.#fail('closed', `the connection failed: ${error.message}`, error));
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#fail('closed', 'the server closed the connection');
        resolve();
      });
    });
    this.#timer = setInterval(() => this.#checkDeadlines(), TIMER_MS);
    this.#timer.unref();
  }

  /** Connects and negotiates. Rejects with `ClientError` ("connect", "timeout", "protocol"). */
  static async open(options: ConnectOptions): Promise<ClientConnection> {
    const connectMs = options.connectMs ?? CONNECT_MS;
    const socket = await connectSocket(options, connectMs);
    const connection = new ClientConnection(socket, options);
    try {
      await connection.#negotiate(connectMs);
      if (options.credentials !== undefined) await login(connection, options.credentials);
    } catch (error) {
      await connection.close();
      throw error;
    }
    return connection;
  }

  /** Requests without a reply so far. */
  get inFlight(): number {
    return this.#pending.size;
  }

  /** The version `request` uses for an API; throws `ClientError` ("unsupported"). */
  version(api: ApiFacts): number {
    return this.#served.choose(api);
  }

  /** Sends a request; resolves with its reply, whatever error codes that holds. Rejects with `ClientError`. */
  request<Request, Response>(
    api: Api<Request, Response>,
    body: Sparse<Request>,
    options: RequestOptions = {},
  ): Promise<Complete<Response>> {
    return new Promise((resolve, reject) => {
      const { version, correlationId } = this.#send(api, body, options.maxVersion);
      this.#pending.add({
        correlationId,
        deadline: performance.now() + (options.timeoutMs ?? this.#requestMs),
        accept: (reader) => {
          skipResponseTags(reader, api, version);
          resolve(api.decodeResponse(reader, layoutOf(api, version, reader)));
        },
        reject,
      });
    });
  }

  /** Sends a request that gets no reply (Produce with acks 0); resolves when there is room for more. */
  async sendOnly<Request, Response>(api: Api<Request, Response>, body: Sparse<Request>): Promise<void> {
    this.#send(api, body);
    if (!this.#socket.writableNeedDrain) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        this.#socket.off('drain', settle).off('close', settle);
        if (this.#pending.failure === null) resolve();
        else reject(this.#pending.failure);
      };
      this.#socket.on('drain', settle).on('close', settle);
    });
  }

  /** Closes; open requests reject, what was sent without wanting a reply still goes out. Resolves when it is done. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#pending.fail(new ClientError('closed', 'the connection was closed'));
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_MS);
    await this.#closed;
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #negotiate(timeoutMs: number): Promise<void> {
    let answer = await this.request(apiVersionsApi, SOFTWARE, { timeoutMs });
    if (answer.errorCode === ErrorCode.UNSUPPORTED_VERSION) {
      const range = answer.apiKeys.find((one) => one.apiKey === apiVersionsApi.key);
      answer = await this.request(apiVersionsApi, SOFTWARE, { timeoutMs, maxVersion: range?.maxVersion ?? 0 });
    }
    if (answer.errorCode !== ErrorCode.NONE) {
      throw new ClientError('protocol', `the server refused to negotiate: error ${answer.errorCode}`);
    }
    this.#served = new ServedVersions(answer.apiKeys);
  }

  #send<Request, Response>(
    api: Api<Request, Response>,
    body: Sparse<Request>,
    maxVersion?: number,
  ): { version: number; correlationId: number } {
    if (this.#pending.failure !== null) throw this.#pending.failure;
    const version = this.#served.choose(api, maxVersion);
    this.#correlationId = (this.#correlationId + 1) & 0x7fff_ffff;
    const correlationId = this.#correlationId;
    const writer = new Writer(1024);
    writer.int32(0);
    encodeRequestHeader(writer, api, version, correlationId, this.#clientId);
    api.encodeRequest(writer, version, body);
    writer.patchInt32(0, writer.position - 4);
    this.#cork();
    this.#socket.write(writer.bytes());
    return { version, correlationId };
  }

  /** What is asked in one turn leaves in one system call. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#socket.uncork();
    });
  }

  #received(chunk: Buffer): void {
    if (this.#pending.failure !== null) return;
    try {
      this.#cutter.push(chunk);
      while (this.#cutter.next()) this.#pending.settle(this.#cutter.bytes, this.#cutter.start, this.#cutter.end);
    } catch (error) {
      this.#fail(
        'protocol',
        `the server's reply cannot be read: ${error instanceof Error ? error.message : error}`,
        error,
      );
    }
  }

  #checkDeadlines(): void {
    if (this.#pending.isOverdue(performance.now())) this.#fail('timeout', 'the server did not answer in time');
  }

  #fail(failure: ClientError['failure'], message: string, cause?: unknown): void {
    clearInterval(this.#timer);
    this.#pending.fail(new ClientError(failure, message, cause));
    this.#socket.destroy();
  }
}

async function connectSocket(options: ConnectOptions, timeoutMs: number): Promise<Socket> {
  const { host, port, tls } = options;
  const socket =
    tls === undefined ? connect({ host, port, noDelay: true }) : connectTls({ host, port, ...nameOf(host), ...tls });
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new ClientError('timeout', `no connection to ${host}:${port} in time`)),
        timeoutMs,
      );
      socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.once('error', (error) => {
        clearTimeout(timer);
        reject(new ClientError('connect', `cannot connect to ${host}:${port}: ${error.message}`, error));
      });
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  socket.removeAllListeners('error');
  return socket;
}

/** The name a certificate has to be for; addresses are none that could be sent. */
function nameOf(host: string): ConnectionOptions {
  return isIP(host) === 0 ? { servername: host } : {};
}

/** The version a reply is laid out in: the one asked for, but version 0 where ApiVersions refuses that version. */
function layoutOf(api: ApiFacts, version: number, reader: Reader): number {
  if (api.key !== API_VERSIONS_KEY) return version;
  const start = reader.position;
  const errorCode = reader.int16();
  reader.position = start;
  return errorCode === ErrorCode.UNSUPPORTED_VERSION ? 0 : version;
}
