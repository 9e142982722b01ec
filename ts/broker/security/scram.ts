/**
 * SCRAM (RFC 5802, RFC 7677): the server's side of the exchange, and what is stored of a password.
 *
 * Sans-I/O: tokens in, tokens out; hashes are cheap here, the derivation of a salted password is not done (that is
 * derivations.ts). To remember: an unknown user goes through the same steps as a known one and fails only with the proof;
 * what the client sends back is compared with what was sent, nonce and header included.
 */

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Names of mechanisms with the hash of each. */
export const SCRAM_HASHES = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const;
export type ScramMechanism = keyof typeof SCRAM_HASHES;
export type ScramHash = (typeof SCRAM_HASHES)[ScramMechanism] | 'sha1';

/** Fewest and most rounds of a stored password; the numbers of Kafka, and RFC 7677's least. */
export const ITERATIONS_MIN = 4096;
export const ITERATIONS_MAX = 16_384;

/** What is stored: from these keys neither the password nor a proof can be made. */
export interface ScramCredential {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Longest token that is looked at. */
const TOKEN_MAX = 4096;
const NONCE_BYTES = 18;

/** A token that breaks the grammar, or a proof that is wrong. The text is for the client: it says nothing of users. */
export class ScramError extends Error {
  override readonly name = 'ScramError';
}

/** What is stored of a salted password. */
export function credentialOf(hash: ScramHash, salted: Buffer, salt: Buffer, iterations: number): ScramCredential {
  const clientKey = hmac(hash, salted, 'Client Key');
  return {
    salt,
    iterations,
    storedKey: createHash(hash).update(clientKey).digest(),
    serverKey: hmac(hash, salted, 'Server Key'),
  };
}

/** Whether a salted password is the one a credential was made of; takes the same time either way. */
export function isPassword(hash: ScramHash, salted: Buffer, credential: ScramCredential): boolean {
  const { storedKey } = credentialOf(hash, salted, credential.salt, credential.iterations);
  return storedKey.length === credential.storedKey.length && timingSafeEqual(storedKey, credential.storedKey);
}

/** The client's first message, taken apart. */
interface ClientFirst {
  /** `n,,` or `n,a=name,`: what channel binding has to repeat. */
  readonly header: string;
  readonly bare: string;
  readonly user: string;
  readonly nonce: string;
}

/** Where a user's credential is found; undefined for a user without one. */
export type FindCredential = (user: string) => ScramCredential | undefined;

/** One exchange of one connection: `first`, then `final`. */
export class ScramExchange {
  readonly #hash: ScramHash;
  readonly #find: FindCredential;
  /** Salt and rounds told for a user that is not there: the same ones each time. */
  readonly #decoy: (user: string) => ScramCredential;
  readonly #newNonce: () => string;
  #client: ClientFirst | undefined;
  #serverFirst = '';
  #nonce = '';
  #credential: ScramCredential | undefined;
  #isKnown = false;

  constructor(
    hash: ScramHash,
    find: FindCredential,
    decoy: (user: string) => ScramCredential,
    newNonce: () => string = () => randomBytes(NONCE_BYTES).toString('base64'),
  ) {
    this.#hash = hash;
    this.#find = find;
    this.#decoy = decoy;
    this.#newNonce = newNonce;
  }

  /** The user that the client claims to be; known after `first`. */
  get user(): string {
    return this.#client?.user ?? '';
  }

  /** Answers the client's first message. Throws `ScramError`. */
  first(token: Uint8Array): Buffer {
    const client = parseClientFirst(textOf(token));
    const found = this.#find(client.user);
    const credential = found ?? this.#decoy(client.user);
    this.#client = client;
    this.#isKnown = found !== undefined;
    this.#credential = credential;
    this.#nonce = client.nonce + this.#newNonce();
    this.#serverFirst = `r=${this.#nonce},s=${credential.salt.toString('base64')},i=${credential.iterations}`;
    return Buffer.from(this.#serverFirst);
  }

  /** Answers the client's final message: the client is who it claims to be. Throws `ScramError` otherwise. */
  final(token: Uint8Array): Buffer {
    const client = this.#client;
    const credential = this.#credential;
    if (client === undefined || credential === undefined) throw new ScramError('the final message comes first');
    const { binding, nonce, proof, withoutProof } = parseClientFinal(textOf(token));
    if (binding !== Buffer.from(client.header).toString('base64')) throw new ScramError('channel binding differs');
    // librdkafka before 2.6.1 puts its own nonce before it once more; all of ours is there, and the proof is over it.
    if (nonce !== this.#nonce && nonce !== client.nonce + this.#nonce)
      throw new ScramError('the nonce is not the one of this exchange');
    const message = `${client.bare},${this.#serverFirst},${withoutProof}`;
    const signature = hmac(this.#hash, credential.storedKey, message);
    const isRight = proof.length === signature.length && this.#isStoredKey(xor(proof, signature), credential);
    if (!isRight || !this.#isKnown) throw new ScramError('the credentials are wrong');
    return Buffer.from(`v=${hmac(this.#hash, credential.serverKey, message).toString('base64')}`);
  }

  #isStoredKey(clientKey: Buffer, { storedKey }: ScramCredential): boolean {
    const made = createHash(this.#hash).update(clientKey).digest();
    return made.length === storedKey.length && timingSafeEqual(made, storedKey);
  }
}

function parseClientFirst(text: string): ClientFirst {
  const match = /^([ny]),(a=[^,]+)?,((?:m=[^,]*,)?n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(text);
  if (match === null) {
    throw new ScramError(text.startsWith('p=') ? 'channel binding is not supported' : 'the first message is malformed');
  }
  const [, flag = '', authzid, bare = '', name = '', nonce = ''] = match;
  if (bare.startsWith('m=')) throw new ScramError('mandatory extensions are not supported');
  const user = saslName(name);
  if (authzid !== undefined && saslName(authzid.slice(2)) !== user) {
    throw new ScramError('nobody may act for another user');
  }
  return { header: `${flag},${authzid ?? ''},`, bare, user, nonce };
}

function parseClientFinal(text: string) {
  const match = /^(c=([A-Za-z0-9+/=]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[^p][^,]*)*),p=([A-Za-z0-9+/=]+)$/.exec(text);
  if (match === null) throw new ScramError('the final message is malformed');
  const [, withoutProof = '', binding = '', nonce = '', proof = ''] = match;
  return { withoutProof, binding, nonce, proof: Buffer.from(proof, 'base64') };
}

/** A name as SCRAM writes it: `=2C` for a comma, `=3D` for an equals sign, and no other escapes. */
function saslName(name: string): string {
  if (name === '' || /=(?!2C|3D)/.test(name)) throw new ScramError('the user name is malformed');
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=');
}

function textOf(token: Uint8Array): string {
  if (token.length > TOKEN_MAX) throw new ScramError('the message is too long');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(token);
  } catch {
    throw new ScramError('the message is not UTF-8');
  }
}

function hmac(hash: ScramHash, key: Buffer, text: string): Buffer {
  return createHmac(hash, key).update(text).digest();
}

/** Of two buffers of the same length. */
function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] as number)));
}
