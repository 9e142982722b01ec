/**
 * The console behind /console: its pages, and what they ask for under /console/api.
 *
 * Not what the answers hold (views.ts). To remember: before anything else a request must come from our own pages
 * (request-guard.ts) and from somebody who may see them; only POST changes anything, and only where that was asked for.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerParts } from '../server-parts.ts';
import { Assets, guardingHeaders } from './assets.ts';
import type { ConsoleOptions } from './console-options.ts';
import { EventStream } from './event-stream.ts';
import { ConsoleError, type ConsoleParts, type Query } from './parts.ts';
import { readJson } from './request-body.ts';
import { refusalOf } from './request-guard.ts';
import { Sampler } from './sampler.ts';
import { Sessions } from './sessions.ts';
import { changes, scans, type View, views } from './views.ts';

const ROOT = '/console';
const API = `${ROOT}/api/`;
const FOLLOW_MS = 1000;
/** Streams that may be open at a time: each has a look every second. */
const STREAMS_MAX = 64;

/** The console of one server, until it is disposed of. */
export class Console implements Disposable {
  readonly #parts: ConsoleParts;
  readonly #assets: Assets;
  readonly #sessions: Sessions;
  readonly #streams = new Set<EventStream>();
  /** Clients have to log in, and nobody has said what the console is to ask for. */
  readonly #isClosed: boolean;

  constructor(server: ServerParts, options: ConsoleOptions, isPoisoned: () => boolean, assets: Assets = new Assets()) {
    this.#parts = { server, sampler: new Sampler(server), mayWrite: options.write === true, isPoisoned };
    this.#assets = assets;
    this.#sessions = new Sessions(options.token);
    this.#isClosed = server.knowsClients && options.token === undefined;
  }

  /** Whether a path is the console's. */
  static owns(path: string): boolean {
    return path === ROOT || path.startsWith(`${ROOT}/`);
  }

  /** Answers a request for a path that is the console's. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response);
    } catch (error) {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      const status = error instanceof ConsoleError ? error.status : 500;
      json(response, status, { error: error instanceof Error ? error.message : String(error) });
    }
  }

  [Symbol.dispose](): void {
    this.#parts.sampler[Symbol.dispose]();
    for (const stream of this.#streams) stream.close();
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = refusalOf(request);
    if (refusal !== undefined) throw new ConsoleError(403, refusal);
    const url = new URL(request.url ?? ROOT, 'http://localhost');
    if (url.pathname.startsWith(API)) return this.#api(url, request, response);
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new ConsoleError(405, 'pages are only read');
    if (url.pathname === ROOT) {
      response.writeHead(308, { ...guardingHeaders, Location: `${ROOT}/` }).end();
      return undefined;
    }
    const name = url.pathname === `${ROOT}/` ? 'index.html' : url.pathname.slice(ROOT.length + 1);
    if (!this.#assets.has(name)) throw new ConsoleError(404, 'the console has no such page');
    return this.#assets.send(name, request, response);
  }

  async #api(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#isClosed) {
      const how = 'set MILLRACE_CONSOLE_TOKEN and start it again';
      throw new ConsoleError(403, `clients of this server have to log in, so the console is closed: ${how}`);
    }
    const name = url.pathname.slice(API.length);
    if (name === 'login' && request.method === 'POST') return this.#login(request, response);
    if (!this.#sessions.admits(request)) throw new ConsoleError(401, 'the console asks for its token');
    if (request.method === 'POST') return this.#change(name, request, response);
    if (request.method !== 'GET') throw new ConsoleError(405, 'only GET, and POST for what changes something');
    const scan = scans.get(name);
    if (scan) return this.#stream(response, (events) => scan(this.#parts, url.searchParams, events));
    const view = views.get(name);
    if (!view) throw new ConsoleError(404, `the console knows nothing called ${name}`);
    if (!url.searchParams.has('follow')) return json(response, 200, await view(this.#parts, url.searchParams));
    return this.#stream(response, (events) => this.#follow(view, url.searchParams, events));
  }

  async #login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { token } = await readJson(request);
    const cookie = typeof token === 'string' ? await this.#sessions.login(token) : undefined;
    if (cookie === undefined) throw new ConsoleError(401, 'that is not the token');
    response.setHeader('Set-Cookie', cookie);
    json(response, 200, {});
  }

  async #change(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readJson(request);
    if (!this.#parts.mayWrite && body.preview !== true) {
      throw new ConsoleError(403, 'this console only reads: start the server with --console-write');
    }
    const change = changes.get(name);
    if (!change) throw new ConsoleError(404, `the console can change nothing called ${name}`);
    json(response, 200, await change(this.#parts, body));
  }

  async #stream(response: ServerResponse, run: (events: EventStream) => Promise<void>): Promise<void> {
    if (this.#streams.size >= STREAMS_MAX) throw new ConsoleError(503, 'too many pages of the console are open');
    const events = new EventStream(response);
    this.#streams.add(events);
    try {
      await run(events);
    } catch (error) {
      await events.send('refused', { error: error instanceof Error ? error.message : String(error) });
    } finally {
      this.#streams.delete(events);
      events.close();
    }
  }

  /** Sends a view now and whenever it has changed, looking once a second. */
  async #follow(view: View, query: Query, events: EventStream): Promise<void> {
    let before = '';
    while (!events.signal.aborted) {
      const value = await view(this.#parts, query);
      const text = JSON.stringify(value);
      if (text !== before) await events.send('view', value);
      before = text;
      await pause(FOLLOW_MS, events.signal);
    }
  }
}

/** Resolves after a while, or at once when `signal` fires. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms).unref();
    signal.addEventListener('abort', end, { once: true });
  });
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    ...guardingHeaders,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}
