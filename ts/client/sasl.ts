/**
 * Logging in as a client: SCRAM, PLAIN and tokens (OAUTHBEARER, RFC 7628) over SaslAuthenticate.
 *
 * The client's side only; the server's is ts/broker/security. To remember: the server has to prove that it knows the
 * password, too; one that cannot is not talked to.
 */

import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { ErrorCode } from '../broker/protocol/error-codes.ts';
import { saslHandshakeApi } from '../broker/protocol/gen/17-sasl-handshake.gen.ts';
import { saslAuthenticateApi } from '../broker/protocol/gen/36-sasl-authenticate.gen.ts';
import { ClientError } from './client-error.ts';
import type { ClientConnection } from './connection.ts';

/** Mechanisms with the hash of each; PLAIN has none. */
const HASHES = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const;
const BYTES = { sha256: 32, sha512: 64 } as const;
/** No server may ask for more work. */
const ITERATIONS_MAX = 1_000_000;

export type PasswordMechanism = keyof typeof HASHES | 'PLAIN';

/** Who logs in by a password. */
interface PasswordCredentials {
  readonly mechanism: PasswordMechanism;
  readonly user: string;
  readonly password: string;
}

/** Whoever the token says. */
interface TokenCredentials {
  readonly mechanism: 'OAUTHBEARER';
  readonly token: string;
}

/** Who logs in. */
export type Credentials = PasswordCredentials | TokenCredentials;

const derive = promisify(pbkdf2);

/** Whether a text names a mechanism with passwords that this client has. */
export function isPasswordMechanism(name: string): name is PasswordMechanism {
  return name === 'PLAIN' || Object.hasOwn(HASHES, name);
}

/** Logs in on an open connection. Rejects with `ClientError` ("login" when the server says no). */
export async function login(connection: ClientConnection, credentials: Credentials): Promise<void> {
  const { mechanism } = credentials;
  const { errorCode, mechanisms } = await connection.request(saslHandshakeApi, { mechanism });
  if (errorCode !== ErrorCode.NONE) {
    const offered = mechanisms.length === 0 ? 'has no login here' : `offers ${mechanisms.join(', ')}`;
    throw new ClientError('login', `the server does not take ${mechanism}: it ${offered}`);
  }
  if (credentials.mechanism === 'OAUTHBEARER') await bearer(connection, credentials.token);
  else if (credentials.mechanism === 'PLAIN') {
    await step(connection, Buffer.from(`\0${credentials.user}\0${credentials.password}`));
  } else await scram(connection, HASHES[credentials.mechanism], credentials);
}

/** A server that does not take the token says why, and refuses when it has been told that it was heard. */
async function bearer(connection: ClientConnection, token: string): Promise<void> {
  const reason = await step(connection, Buffer.from(`n,,\u0001auth=Bearer ${token}\u0001\u0001`));
  if (reason.length === 0) return;
  await step(connection, Buffer.from('\u0001')).catch((error: unknown) => {
    if (error instanceof ClientError && error.failure === 'login') return;
    throw error;
  });
  throw new ClientError('login', `the server does not take the token: ${reason.toString()}`);
}

async function scram(
  connection: ClientConnection,
  hash: keyof typeof BYTES,
  { user, password }: PasswordCredentials,
): Promise<void> {
  const own = randomBytes(18).toString('base64');
  const bare = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${own}`;
  const serverFirst = (await step(connection, Buffer.from(`n,,${bare}`))).toString();
  const [, nonce = '', salt = '', rounds = ''] = /^r=([^,]+),s=([^,]+),i=(\d{1,7})$/.exec(serverFirst) ?? [];
  const iterations = Number(rounds);
  if (!nonce.startsWith(own) || nonce === own || iterations < 1 || iterations > ITERATIONS_MAX) {
    throw new ClientError('protocol', 'the first message of the server is not one of SCRAM');
  }
  const salted = await derive(password, Buffer.from(salt, 'base64'), iterations, BYTES[hash], hash);
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  const clientKey = hmac(salted, 'Client Key');
  const withoutProof = `c=biws,r=${nonce}`;
  const message = `${bare},${serverFirst},${withoutProof}`;
  const signature = hmac(createHash(hash).update(clientKey).digest(), message);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] as number)));
  const serverFinal = await step(connection, Buffer.from(`${withoutProof},p=${proof.toString('base64')}`));
  const wanted = Buffer.from(`v=${hmac(hmac(salted, 'Server Key'), message).toString('base64')}`);
  if (serverFinal.length !== wanted.length || !timingSafeEqual(serverFinal, wanted)) {
    throw new ClientError('login', 'the server could not prove that it knows the password');
  }
}

/** Sends one token; resolves with the server's. */
async function step(connection: ClientConnection, authBytes: Buffer): Promise<Buffer> {
  const answer = await connection.request(saslAuthenticateApi, { authBytes });
  if (answer.errorCode === ErrorCode.NONE) return Buffer.from(answer.authBytes);
  throw new ClientError('login', answer.errorMessage ?? `the server refused the login: error ${answer.errorCode}`);
}
