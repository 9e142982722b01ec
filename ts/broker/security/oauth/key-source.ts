/**
 * Where the public keys come from: a file, or an address of whoever issues tokens.
 *
 * Not the keys themselves (json-web-keys.ts). The invariants to remember: one load at a time, and none sooner than a second
 * after the last, whatever tokens ask for; keys older than `refreshMs` are loaded again before they are used, and stay in
 * use when that fails.
 */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseKeySet, type VerificationKey } from './json-web-keys.ts';

/** A key that nobody knows makes us look again, at most so often. */
const RELOAD_MIN_MS = 1_000;
/** Less than the time that a peer has to log in. */
const LOAD_MS = 5_000;
const DOCUMENT_BYTES_MAX = 1024 * 1024;

export interface KeySourceOptions {
  /** `file:`, `https:` or `http:`. */
  readonly url: URL;
  /** `sasl.oauthbearer.jwks.endpoint.refresh.ms`. */
  readonly refreshMs: number;
  /** Monotonic ms. */
  readonly nowMs: () => number;
  /** Hears of loads that failed. */
  readonly failed: (reason: string) => void;
}

/** The keys of one issuer. */
export class KeySource {
  readonly #options: KeySourceOptions;
  #keys: readonly VerificationKey[] = [];
  #loadedMs = Number.NEGATIVE_INFINITY;
  #triedMs = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | undefined;

  constructor(options: KeySourceOptions) {
    this.#options = options;
  }

  /** Keys, loaded again when they are old, or when `isEnough` says no to those that are known. Never rejects. */
  async keys(isEnough: (keys: readonly VerificationKey[]) => boolean): Promise<readonly VerificationKey[]> {
    const { nowMs, refreshMs } = this.#options;
    const isOld = nowMs() - this.#loadedMs >= refreshMs;
    if (isOld || !isEnough(this.#keys)) await this.#load();
    return this.#keys;
  }

  #load(): Promise<void> {
    const now = this.#options.nowMs();
    if (this.#loading === undefined && now - this.#triedMs < RELOAD_MIN_MS) return Promise.resolve();
    this.#triedMs = now;
    this.#loading ??= this.#loadOnce().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #loadOnce(): Promise<void> {
    const { url, nowMs, failed } = this.#options;
    try {
      const document = url.protocol === 'file:' ? await fromFile(url) : await fromNetwork(url);
      this.#keys = parseKeySet(document);
      this.#loadedMs = nowMs();
    } catch (error) {
      failed(`keys of ${url.href} could not be loaded: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

async function fromFile(url: URL): Promise<string> {
  const bytes = await readFile(fileURLToPath(url));
  if (bytes.length > DOCUMENT_BYTES_MAX) throw new Error('it is too large');
  return bytes.toString('utf8');
}

async function fromNetwork(url: URL): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(LOAD_MS), headers: { accept: 'application/json' } });
  if (!response.ok || response.body === null) throw new Error(`the answer is ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > DOCUMENT_BYTES_MAX) throw new Error('it is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
