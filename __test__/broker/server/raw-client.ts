/** A bare TCP peer for server tests: sends any bytes, collects frames; knows lengths and nothing else. */

import { connect, type Socket } from 'node:net';
import type { Api, Sparse } from '../../../ts/broker/protocol/api.ts';
import { encodeRequestHeader } from '../../../ts/broker/protocol/header.ts';
import { Writer } from '../../../ts/broker/protocol/writer.ts';

export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  isClosed = false;
  #received: Buffer = Buffer.alloc(0);
  #wake: (() => void) | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isClosed = true;
        this.#wake?.();
        resolve();
      });
    });
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** The next whole frame without its length prefix; null when the connection is closed first. */
  async frame(): Promise<Buffer | null> {
    for (;;) {
      const frame = this.#take();
      if (frame !== null) return frame;
      if (this.isClosed) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Correlation ids of the next `count` replies. */
  async correlations(count: number): Promise<number[]> {
    const ids: number[] = [];
    for (let i = 0; i < count; i += 1) ids.push((await this.frame())?.readInt32BE(0) ?? -1);
    return ids;
  }

  /** Goes at once in both directions; `destroy` ends its own side only, as far as the server can see. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #take(): Buffer | null {
    if (this.#received.length < 4) return null;
    const end = 4 + this.#received.readInt32BE(0);
    if (this.#received.length < end) return null;
    const frame = this.#received.subarray(4, end);
    this.#received = this.#received.subarray(end);
    return frame;
  }
}

/** A whole framed request. */
export function framedRequest<Request>(
  api: Api<Request, unknown>,
  version: number,
  correlationId: number,
  request: Sparse<Request>,
): Buffer {
  const writer = new Writer();
  writer.int32(0);
  encodeRequestHeader(writer, api, version, correlationId, 'test');
  api.encodeRequest(writer, version, request);
  writer.patchInt32(0, writer.position - 4);
  return writer.bytes();
}
