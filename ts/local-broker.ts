/**
 * Requests to a data directory that no server has open: a broker without sockets, asked in this process.
 *
 * For what has to be done before a server runs, such as making its first user. Invariant: the directory is locked while
 * it is open here, so no server works on it at the same time; nobody can connect.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Broker } from './broker/broker.ts';
import { AUTHORIZERS } from './broker/config-keys-security.ts';
import type { AnyHandler, Exchange, Peer } from './broker/handler.ts';
import type { Api, Complete, Sparse } from './broker/protocol/api.ts';
import { Reader } from './broker/protocol/reader.ts';
import { Writer } from './broker/protocol/writer.ts';
import { PeerSecurity, PLAINTEXT } from './broker/security/peer-security.ts';
import { userPrincipal } from './broker/security/principal.ts';
import { BrokerSettings } from './broker/settings.ts';
import { MillraceError } from './errors.ts';
import { openEngine } from './io/engine.ts';

const OWNER = userPrincipal('local');

/** Where requests are sent. */
export interface LocalBroker extends AsyncDisposable {
  /** Sends a request and resolves with the reply. */
  send<Request, Response>(api: Api<Request, Response>, body: Sparse<Request>): Promise<Complete<Response>>;
}

/** Opens a directory, which has to be there unless `create` says otherwise. Throws MILLRACE_ARGUMENT, or MILLRACE_LOCKED while a server has it. */
export function openLocal(dir: string, create: boolean): LocalBroker {
  if (!create && !existsSync(join(dir, 'manifest'))) {
    throw new MillraceError(
      'MILLRACE_ARGUMENT',
      `${dir} is no data directory; a server makes one when it starts there`,
    );
  }
  mkdirSync(dirname(dir), { recursive: true });
  const engine = openEngine(dir, {});
  // Its owner may do everything; without an authorizer there would be no rules to show.
  const settings = new BrokerSettings({ 'authorizer.class.name': AUTHORIZERS[0] ?? '', 'super.users': OWNER });
  const broker = new Broker({ engine, settings, print: () => {} });
  return {
    send: (api, body) => ask(broker, api, body),
    async [Symbol.asyncDispose]() {
      await broker.close();
      await engine.close();
    },
  };
}

function ask<Request, Response>(
  broker: Broker,
  api: Api<Request, Response>,
  body: Sparse<Request>,
): Promise<Complete<Response>> {
  const handler = broker.table.lookup(api.key) as AnyHandler;
  const version = handler.maxVersion;
  const writer = new Writer();
  api.encodeRequest(writer, version, body);
  const request = handler.api.decodeRequest(new Reader(writer.bytes()), version);
  return new Promise((resolve, reject) => {
    const finish = (reply: Writer): void => resolve(api.decodeResponse(new Reader(reply.bytes()), version));
    const exchange: Exchange<Response> = {
      apiKey: api.key,
      apiVersion: version,
      correlationId: 0,
      clientId: 'millrace-cli',
      peer: localPeer(),
      aborted: false,
      onAbort: null,
      onHurry: null,
      throttleMs: 0,
      reply(response) {
        const reply = new Writer();
        api.encodeResponse(reply, version, response);
        finish(reply);
      },
      replyNothing: () => reject(new MillraceError('MILLRACE_ABORTED', 'no reply')),
      begin: (sizeHint) => new Writer(sizeHint),
      finish,
      close: (reason) => reject(new MillraceError('MILLRACE_ABORTED', reason)),
    };
    handler.handle(request, exchange as Exchange<unknown>);
  });
}

function localPeer(): Peer {
  return {
    id: 0,
    remoteAddress: '127.0.0.1',
    remotePort: 0,
    localAddress: '127.0.0.1',
    localPort: 0,
    softwareName: 'millrace',
    softwareVersion: '1',
    security: new PeerSecurity(PLAINTEXT, OWNER),
  };
}
