/**
 * The certificate and key a server shows, and whose certificates it believes: read from files, and again when asked.
 *
 * Not a listener (tls-listener.ts). To remember: files that cannot be used leave what is in force as it is, and the
 * connections that are open keep what they began with.
 */

import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { MillraceError } from '../errors.ts';

/** Paths of PEM files. */
export interface TlsOptions {
  /** The certificate, with those that lead to its authority behind it. */
  cert: string;
  /** Its private key. */
  key: string;
  /** Authorities whose certificates clients have to show; without, clients show none. */
  ca?: string | undefined;
}

/** What the files hold. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
}

export class TlsIdentity {
  readonly #options: TlsOptions;
  readonly #listeners = new Set<(material: TlsMaterial) => void>();
  #material: TlsMaterial;

  /** Reads the files. Throws MILLRACE_OPTION with what is wrong with one. */
  constructor(options: TlsOptions) {
    this.#options = options;
    this.#material = read(options);
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  /** Whether clients have to show a certificate. */
  get wantsCertificates(): boolean {
    return this.#options.ca !== undefined;
  }

  /** Runs `listener` when there is other material; returns how to stop it. */
  onChange(listener: (material: TlsMaterial) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the files again. Throws MILLRACE_OPTION, and changes nothing, when they cannot be used. */
  reload(): void {
    this.#material = read(this.#options);
    for (const listener of this.#listeners) listener(this.#material);
  }
}

function read({ cert, key, ca }: TlsOptions): TlsMaterial {
  const material = { cert: file(cert), key: file(key), ca: ca === undefined ? undefined : file(ca) };
  try {
    createSecureContext(material);
  } catch (cause) {
    throw new MillraceError('MILLRACE_OPTION', `${cert} and ${key} cannot be used for TLS: ${reason(cause)}`, {
      cause,
    });
  }
  return material;
}

function file(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new MillraceError('MILLRACE_OPTION', `${path} cannot be read: ${reason(cause)}`, { cause });
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
