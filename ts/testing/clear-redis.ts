/**
 * Takes every key out of all databases of a Redis server that goes on running.
 *
 * By the protocol, as any client would: whoever watches or tracks keys is told. To remember: it is done when the promise
 * resolves.
 */

import { connect } from 'node:net';
import { MillraceError } from '../errors.ts';

/** Sends FLUSHALL. Rejects with MILLRACE_CLOSED when the server ends, with its answer when it refuses. */
export function clearRedis(at: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...at, noDelay: true }, () => socket.write('FLUSHALL\r\n'));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += String(chunk);
      if (!answer.includes('\r\n')) return;
      socket.destroy();
      if (answer.startsWith('+OK')) resolve();
      else reject(new MillraceError('MILLRACE_ARGUMENT', `FLUSHALL: ${answer.trim()}`));
    });
    socket.once('error', reject);
    socket.once('end', () => reject(new MillraceError('MILLRACE_CLOSED')));
  });
}
