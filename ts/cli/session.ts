/**
 * The connection a client verb works on: where the server is, how long to wait, and failures as one line for a person.
 * Everything of the protocol is ts/client.
 *
 * Invariant: what a verb sees is either a reply or a `CliError`.
 */
import type { Api, Complete, Sparse } from '../broker/protocol/api.ts';
import { fetchApi } from '../broker/protocol/gen/01-fetch.gen.ts';
import { offsetFetchApi } from '../broker/protocol/gen/09-offset-fetch.gen.ts';
import { findCoordinatorApi } from '../broker/protocol/gen/10-find-coordinator.gen.ts';
import { leaveGroupApi } from '../broker/protocol/gen/13-leave-group.gen.ts';
import { deleteTopicsApi } from '../broker/protocol/gen/20-delete-topics.gen.ts';
import { ClientError } from '../client/client-error.ts';
import { ClientConnection } from '../client/connection.ts';
import { decideClientSecurity, type LoginOptions, SECURITY_NAMES } from './client-security.ts';
import { CliError, ExitCode, usage } from './exit.ts';
import { type Address, address } from './options.ts';

/** Options every client verb has. */
export interface ClientOptions extends LoginOptions {
  readonly brokers?: Address;
  /** From `-X`: `brokers`, `client.id`, `request.timeout.ms`, and how to log in and speak TLS (client-security.ts). */
  readonly X?: ReadonlyMap<string, string>;
}

/** What a server may take for a change of topics, in ms. */
export const adminTimeoutMs = 30_000;

/** Last version of an API in the form used here: later ones take lists, or topic ids in place of names. */
const lastVersions: ReadonlyMap<number, number> = new Map([
  [fetchApi.key, 12],
  [offsetFetchApi.key, 7],
  [findCoordinatorApi.key, 3],
  [leaveGroupApi.key, 2],
  [deleteTopicsApi.key, 5],
]);

/** Where admin verbs send their requests: a server, or a directory that none has open. */
export interface AdminSession extends AsyncDisposable {
  /** Sends a request and resolves with the reply. Rejects with `CliError`. */
  send<Request, Response>(api: Api<Request, Response>, body: Sparse<Request>): Promise<Complete<Response>>;
}

export class Session implements AdminSession {
  readonly #connection: ClientConnection;

  constructor(connection: ClientConnection) {
    this.#connection = connection;
  }

  /** Sends a request and resolves with the reply, whatever error codes that holds. Rejects with `CliError`. */
  async send<Request, Response>(api: Api<Request, Response>, body: Sparse<Request>): Promise<Complete<Response>> {
    try {
      return await this.#connection.request(api, body, { maxVersion: lastVersions.get(api.key) ?? api.maxVersion });
    } catch (error) {
      throw explain(error);
    }
  }

  /** Sends a request that gets no reply; resolves when there is room for more. */
  async sendOnly<Request, Response>(api: Api<Request, Response>, body: Sparse<Request>): Promise<void> {
    try {
      await this.#connection.sendOnly(api, body);
    } catch (error) {
      throw explain(error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection.close();
  }
}

/** Connects to the server the options name; 127.0.0.1:9092 without any. */
export async function openSession(options: ClientOptions): Promise<Session> {
  const connect = { ...decide(options), ...decideClientSecurity(options.X ?? new Map(), process.env, options) };
  try {
    return new Session(await ClientConnection.open(connect));
  } catch (error) {
    throw explain(error);
  }
}

/** Opens `dir`, if it is given, or connects as `openSession` does. */
export async function openAdmin(
  options: ClientOptions,
  { dir, create }: { readonly dir: string | undefined; readonly create: boolean },
): Promise<AdminSession> {
  if (dir === undefined) return openSession(options);
  const { openLocal } = await import('../local-broker.ts');
  return openLocal(dir, create);
}

function decide(options: ClientOptions): Address & { clientId: string; requestMs: number } {
  let at = options.brokers;
  let clientId = 'millrace-cli';
  let requestMs = 60_000;
  for (const [name, value] of options.X ?? []) {
    if (name === 'brokers') at ??= firstBroker(value);
    else if (name === 'client.id') clientId = value;
    else if (name === 'request.timeout.ms' && /^\d{1,9}$/.test(value)) requestMs = Number(value);
    else if (!SECURITY_NAMES.has(name)) throw unknownName(name, value);
  }
  return { ...(at ?? { host: '127.0.0.1', port: 9092 }), clientId, requestMs };
}

function unknownName(name: string, value: string): CliError {
  const known = ['brokers', 'client.id', 'request.timeout.ms', ...SECURITY_NAMES].join(', ');
  return usage(`-X ${name}=${value} is not understood: give one of ${known}`);
}

/** The first of `host:port,host:port`: one server knows all of its topics. */
function firstBroker(text: string): Address {
  try {
    return address(text.split(',')[0] ?? '');
  } catch {
    throw usage(`-X brokers=${text}: give HOST:PORT`);
  }
}

function explain(error: unknown): unknown {
  if (!(error instanceof ClientError)) return error;
  return new CliError(error.failure === 'timeout' ? ExitCode.timeout : ExitCode.failure, error.message, {
    cause: error,
  });
}
