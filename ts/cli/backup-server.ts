/**
 * `millrace backup --redis HOST:PORT --to NAME`: asks a server that runs to copy its directory, over its Redis port.
 *
 * Not a Redis client: one request and its reply. To remember: the password comes from the environment, never from an
 * argument; who gives up closes the connection, and the server gives the copy up.
 */

import { connect } from 'node:net';
import type { BackupResult } from '../index.ts';
import { CliError, ExitCode } from './exit.ts';
import type { Address } from './options.ts';

/** The reply to AUTH and to the request, in RESP2. */
const REPLY = /^(?:\+OK\r\n)?\*8\r\n((?:\$\d+\r\n\w+\r\n:\d+\r\n){4})$/;
const REFUSED = /^(?:\+OK\r\n)?-(.*)\r\n/;
const LINE_MAX = 64 * 1024;

function request(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** Resolves with what the copy came to. Rejects with a CliError: what the server says, or why it cannot be reached. */
export async function backupServer(
  { host, port }: Address,
  name: string,
  { copy, signal, password }: { copy: boolean; signal: AbortSignal; password: string | undefined },
): Promise<BackupResult> {
  const text = await new Promise<string>((resolve, reject) => {
    let received = '';
    const socket = connect({ host, port, signal }, () => {
      if (password !== undefined && password !== '') socket.write(request(['AUTH', password]));
      socket.write(request(['MILLRACE.BACKUP', name, ...(copy ? ['COPY'] : [])]));
    });
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (REPLY.test(received) || REFUSED.test(received) || received.length > LINE_MAX) {
        resolve(received);
        socket.destroy();
      }
    });
    socket.once('error', (cause) => {
      reject(new CliError(ExitCode.failure, `${host}:${port}: ${cause.message}`, { cause }));
    });
    socket.once('close', () => resolve(received));
  });
  const refused = REFUSED.exec(text)?.[1];
  if (refused !== undefined) throw new CliError(ExitCode.failure, refused.replace(/^ERR /, ''));
  const figures = REPLY.exec(text)?.[1]?.match(/\w+\r\n:\d+/g);
  if (!figures) throw new CliError(ExitCode.failure, `${host}:${port} has not answered as a Millrace server does`);
  return Object.fromEntries(
    figures.map((figure) => {
      const [word = '', value] = figure.split('\r\n:');
      return [word, Number(value)];
    }),
  ) as unknown as BackupResult;
}
