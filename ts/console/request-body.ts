/**
 * The body of a request that changes something: a small JSON object, said to be one.
 *
 * Not what is in it. To remember: a form of another site cannot say `application/json` without asking first, so the type
 * is demanded.
 */

import type { IncomingMessage } from 'node:http';
import { ConsoleError } from './parts.ts';

const BODY_MAX = 64 * 1024;

/** Reads the object. Throws 400, 413, 415. */
export async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    throw new ConsoleError(415, 'send application/json');
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_MAX) throw new ConsoleError(413, `a request has at most ${BODY_MAX} bytes`);
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new ConsoleError(400, 'the body is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConsoleError(400, 'the body is no object');
  }
  return value as Record<string, unknown>;
}
