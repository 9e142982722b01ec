/**
 * A listener for TLS: sockets are handed over when their handshake is done, and never before.
 *
 * Not a protocol. The invariants to remember: handshakes that are under way are bounded in number and time, because each
 * costs this thread some work; a peer without a certificate, where one is demanded, is never handed over.
 */

import { createServer as createNetServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { TlsIdentity } from './tls-identity.ts';

export interface TlsListenOptions {
  readonly identity: TlsIdentity;
  readonly port: number;
  readonly host: string;
  /** Whether one more connection of this address may begin. */
  readonly mayBegin: (remoteAddress: string) => boolean;
  /** A connection whose handshake is done. */
  readonly accept: (socket: TLSSocket) => void;
  /** Why a handshake came to nothing. */
  readonly failed: (remoteAddress: string, reason: string) => void;
  readonly limits?: Partial<TlsLimits>;
}

export interface TlsLimits {
  /** A handshake has so long, ms. */
  readonly handshakeMs: number;
  /** Handshakes under way at a time; a connection beyond is closed at once. */
  readonly maxHandshakes: number;
}

export interface TlsListener {
  readonly address: string;
  readonly port: number;
  /** Accepts no more, and drops handshakes that are under way. */
  close(): void;
}

const DEFAULT_LIMITS: TlsLimits = { handshakeMs: 10_000, maxHandshakes: 256 };
const BACKLOG = 1024;

/** Listens. Rejects with the system's error (EADDRINUSE, EACCES...). */
export async function listenTls(options: TlsListenOptions): Promise<TlsListener> {
  const { identity, port, host } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const handshakes = new Map<string, Socket>();
  const tls = tlsServer(options, limits, handshakes);
  const net = createNetServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const id = idOf(socket);
    if (handshakes.size >= limits.maxHandshakes || !options.mayBegin(socket.remoteAddress ?? '')) {
      socket.destroy();
      return;
    }
    handshakes.set(id, socket);
    socket.once('close', () => handshakes.delete(id));
    tls.emit('connection', socket);
  });
  await listening(net, port, host);
  net.on('error', (error) => options.failed('', error.message));
  const forget = identity.onChange((material) => tls.setSecureContext({ ...material, minVersion: 'TLSv1.2' }));
  const bound = net.address() as { address: string; port: number };
  return {
    address: bound.address,
    port: bound.port,
    close: () => {
      forget();
      net.close();
      for (const socket of [...handshakes.values()]) socket.destroy();
    },
  };
}

/** Does the handshakes; it listens nowhere itself, so that connections are counted before it sees them. */
function tlsServer(options: TlsListenOptions, limits: TlsLimits, handshakes: Map<string, Socket>): TlsServer {
  const { identity } = options;
  const server = createTlsServer({
    ...identity.material,
    minVersion: 'TLSv1.2',
    allowHalfOpen: true,
    handshakeTimeout: limits.handshakeMs,
    requestCert: identity.wantsCertificates,
    rejectUnauthorized: identity.wantsCertificates,
  });
  server.on('secureConnection', (socket) => {
    handshakes.delete(idOf(socket));
    // Nobody may have to remember to ask again.
    if (identity.wantsCertificates && !socket.authorized) socket.destroy();
    else options.accept(socket);
  });
  server.on('tlsClientError', (error, socket) => {
    options.failed(socket.remoteAddress ?? '', error.message);
    socket.destroy();
  });
  return server;
}

/** Tells the connections of a listener apart, before and after the handshake. */
function idOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
