/**
 * Where the HTTP endpoint listens: what `serve` has to know without loading it.
 *
 * To remember: this file loads nothing, so a server without the endpoint does not pay for it.
 */

import type { ConsoleOptions } from '../console/console-options.ts';

/** Where to listen, and what the console may do. */
export interface HttpOptions {
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default 9644; 0 takes a free port. */
  readonly port?: number | undefined;
  /** The console at /console: by default it reads only, and asks nobody who they are. */
  readonly console?: ConsoleOptions | undefined;
}

export const HTTP_HOST = '127.0.0.1';
export const HTTP_PORT = 9644;

/** A listening endpoint. */
export interface HttpEndpoint {
  readonly host: string;
  readonly port: number;
  /** Stops listening and closes every connection. */
  close(): Promise<void>;
}
