/**
 * TCP sockets of a ring: listen, accept, connect, receive, send, shut down.
 *
 * To remember: these are the system's calls and no more. A receive of 0 bytes is the peer's end; a send may be short;
 * nothing is buffered, framed or timed out here (a signal does that). No TLS: that is `node:tls`.
 */
import { isIPv6 } from 'node:net';
import type { MillraceError } from '../../errors.ts';
import type { IoMemory } from './memory.ts';
import { Op } from './native-ring.ts';
import type { RingCore } from './ring-core.ts';
import { type IoOptions, RingFile } from './ring-file.ts';

/** Where a socket is. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** Options of `receive`. */
export interface ReceiveOptions extends IoOptions {
  /** Waits until all of the memory is filled (`MSG_WAITALL`), or the peer has ended. */
  readonly all?: boolean | undefined;
  /** Leaves the bytes to be received again (`MSG_PEEK`). */
  readonly peek?: boolean | undefined;
}

/** Options of `send`. */
export interface SendOptions extends IoOptions {
  /** Waits until all of the memory is sent (`MSG_WAITALL`; threads may still send less). */
  readonly all?: boolean | undefined;
  /** More is coming: hold back an incomplete packet (`MSG_MORE`). */
  readonly more?: boolean | undefined;
}

const MSG_PEEK = 0x2;
const MSG_WAITALL = 0x100;
const MSG_MORE = 0x8000;
const how = { receive: 0, send: 1, both: 2 } as const;
const nothing = (): void => undefined;
const bytesDone = (result: number): number => result;

export class RingSocket extends RingFile {
  /** Receives into `memory`; how many bytes, 0 at the peer's end. */
  receive(memory: IoMemory, { all, peek, signal }: ReceiveOptions = {}): Promise<number> {
    const flags = (all ? MSG_WAITALL : 0) | (peek ? MSG_PEEK : 0);
    const common = { op: Op.receive, what: 'recv', file: this.number, memory, flags };
    return this.core.start({ ...common, signal, finish: bytesDone });
  }

  /** Sends `memory`; how many bytes went. EPIPE, never a signal, when the peer is gone. */
  send(memory: IoMemory, { all, more, signal }: SendOptions = {}): Promise<number> {
    const flags = (all ? MSG_WAITALL : 0) | (more ? MSG_MORE : 0);
    const common = { op: Op.send, what: 'send', file: this.number, memory, flags };
    return this.core.start({ ...common, signal, finish: bytesDone });
  }

  /** Sends all of it, however many sends that takes. */
  async sendAll(bytes: Uint8Array, { signal }: IoOptions = {}): Promise<void> {
    for (let done = 0; done < bytes.byteLength; ) done += await this.send(bytes.subarray(done), { signal, all: true });
  }

  /** Ends one direction, or both; the other side sees the end. */
  shutdown(direction: keyof typeof how = 'send', { signal }: IoOptions = {}): Promise<void> {
    const common = { op: Op.shutdown, what: 'shutdown', file: this.number, flags: how[direction] };
    return this.core.start({ ...common, signal, finish: nothing });
  }

  /** Its own address. */
  get localAddress(): SocketAddress {
    return this.#address(false);
  }

  /** Its peer's. */
  get remoteAddress(): SocketAddress {
    return this.#address(true);
  }

  #address(ofPeer: boolean): SocketAddress {
    const [host, port] = this.core.call((native) => native.addressOf(this.number, ofPeer));
    return { host, port };
  }
}

/** A socket that listens. */
export class RingListener extends RingFile {
  /** The address it has; the port is the real one. */
  get address(): SocketAddress {
    const [host, port] = this.core.call((native) => native.addressOf(this.number, false));
    return { host, port };
  }

  /** The next connection. */
  accept({ signal }: IoOptions = {}): Promise<RingSocket> {
    const finish = (number: number) => new RingSocket(this.core, number);
    return this.core.start({ op: Op.accept, what: 'accept', file: this.number, signal, finish });
  }

  /** Connections, until the signal is aborted or the listener is closed. */
  async *connections({ signal }: IoOptions = {}): AsyncGenerator<RingSocket, void, undefined> {
    for (;;) {
      try {
        yield await this.accept({ signal });
      } catch (error) {
        const { code } = error as MillraceError;
        if (code === 'MILLRACE_ABORTED' || code === 'MILLRACE_STALE_HANDLE' || code === 'MILLRACE_CLOSED') return;
        throw error;
      }
    }
  }
}

/** Listens on a numeric address; port 0 takes a free one. */
export function listenOn(core: RingCore, host: string, port: number, backlog: number): RingListener {
  return new RingListener(
    core,
    core.call((native) => native.listen(host, port, backlog)),
  );
}

/** Connects to a numeric address. */
export async function connectTo(core: RingCore, host: string, port: number, signal?: AbortSignal): Promise<RingSocket> {
  const socket = new RingSocket(
    core,
    core.call((native) => native.socket(isIPv6(host))),
  );
  try {
    const common = { op: Op.connect, what: `connect ${host}:${port}`, file: socket.number };
    await core.start({ ...common, address: [host, port], signal, finish: nothing });
    return socket;
  } catch (error) {
    await socket[Symbol.asyncDispose]();
    throw error;
  }
}
