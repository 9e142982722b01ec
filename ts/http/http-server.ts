/**
 * The HTTP side of a server: metrics, health and counters, for monitoring, and the console for people.
 *
 * Not for the world: it listens on the loopback address unless told otherwise, and metrics ask nobody who they are. To
 * remember: outside the console (ts/console) it answers GET and HEAD only, and a request changes nothing.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Console } from '../console/console.ts';
import { ServerMetrics } from '../metrics/collect.ts';
import type { ServerParts } from '../server-parts.ts';
import { HTTP_HOST, HTTP_PORT, type HttpEndpoint, type HttpOptions } from './http-options.ts';
import { type Answer, type Route, routes } from './routes.ts';

const REQUEST_TIMEOUT_MS = 10_000;

/** Serves the metrics of `parts`. Rejects with the system's error when the port cannot be taken. */
export async function serveHttp(
  parts: ServerParts,
  { host = HTTP_HOST, port = HTTP_PORT, console: consoleOptions = {} }: HttpOptions,
): Promise<HttpEndpoint> {
  const metrics = new ServerMetrics(parts);
  const page = new Console(parts, consoleOptions, () => metrics.poisoned);
  const dispose = (): void => {
    metrics[Symbol.dispose]();
    page[Symbol.dispose]();
  };
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    answer({ metrics, page }, request, response);
  });
  try {
    await listening(server, host, port);
  } catch (error) {
    dispose();
    throw error;
  }
  const bound = server.address() as AddressInfo;
  return {
    host: bound.address,
    port: bound.port,
    close: () =>
      new Promise((resolve) => {
        dispose();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** What answers requests. */
interface Answering {
  readonly metrics: ServerMetrics;
  readonly page: Console;
}

function answer({ metrics, page }: Answering, request: IncomingMessage, response: ServerResponse): void {
  const [path = '/'] = (request.url ?? '/').split('?', 1);
  if (Console.owns(path)) {
    void page.answer(request, response);
    return;
  }
  // People who type the address get the console, programs the list of what there is.
  if (path === '/' && /\btext\/html\b/.test(request.headers.accept ?? '')) {
    response.writeHead(302, { Location: '/console/', 'Cache-Control': 'no-store' }).end();
    return;
  }
  const route = routes.get(path);
  if (!route) send(request, response, { status: 404, type: 'text/plain', body: `nothing is at ${path}\n` });
  else if (request.method === 'GET' || request.method === 'HEAD') void run(route, metrics, request, response);
  else {
    response.setHeader('Allow', 'GET, HEAD');
    send(request, response, { status: 405, type: 'text/plain', body: 'only GET and HEAD\n' });
  }
}

async function run(
  route: Route,
  metrics: ServerMetrics,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    send(request, response, await route(metrics));
  } catch (error) {
    // Only what the operating system says about the disk can fail, or an engine that is closing: the next scrape asks again.
    send(request, response, { status: 500, type: 'text/plain', body: `${String(error)}\n` });
  }
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
