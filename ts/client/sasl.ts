/**
 * Logging in as a client: SCRAM and PLAIN over SaslAuthenticate.
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

export type ClientMechanism = keyof typeof HASHES | 'PLAIN';

/** Who logs in. */
export interface Credentials {
  readonly mechanism: ClientMechanism;
  readonly user: string;
  readonly password: string;
}

const derive = promisify(pbkdf2);

/** Whether a text names a mechanism this client has. */
export function isMechanism(name: string): name is ClientMechanism {
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
  if (mechanism === 'PLAIN') {
    await step(connection, Buffer.from(`\0${credentials.user}\0${credentials.password}`));
  } else await scram(connection, HASHES[mechanism], credentials);
}

async function scram(
  connection: ClientConnection,
  hash: keyof typeof BYTES,
  { user, password }: Credentials,
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
