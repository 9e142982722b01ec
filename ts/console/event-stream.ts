/**
 * One stream of server-sent events: JSON, one event a message.
 *
 * Not what is sent. To remember: a browser that does not read is not buffered for: `send` resolves when there is room
 * again, and nothing is sent after the end.
 */

import type { ServerResponse } from 'node:http';
import { guardingHeaders } from './assets.ts';

const KEEP_ALIVE_MS = 15_000;

/** Events to one browser, until it goes away or `close`. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #ended = new AbortController();
  readonly #keepAlive: NodeJS.Timeout;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, {
      ...guardingHeaders,
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    });
    response.write(':\n\n');
    this.#keepAlive = setInterval(() => response.write(':\n\n'), KEEP_ALIVE_MS).unref();
    response.once('close', () => this.#end());
    response.on('error', () => this.#end());
  }

  /** Fires when there is nobody to send to any more. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Whether more can be sent without waiting. */
  get hasRoom(): boolean {
    return !this.#response.writableNeedDrain;
  }

  /** Sends an event; resolves when there is room for the next, or nobody is there any more. */
  async send(event: string, data: unknown): Promise<void> {
    if (this.signal.aborted) return;
    // JSON has no line breaks of its own, so a message is one line whatever a record holds.
    if (this.#response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        this.#response.off('drain', go);
        this.signal.removeEventListener('abort', go);
        resolve();
      };
      this.#response.once('drain', go);
      this.signal.addEventListener('abort', go, { once: true });
    });
  }

  close(): void {
    if (!this.signal.aborted) this.#response.end();
    this.#end();
  }

  #end(): void {
    clearInterval(this.#keepAlive);
    this.#ended.abort();
  }
}
