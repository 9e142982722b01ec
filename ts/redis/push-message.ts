/** Messages that no command asked for, as bytes: pushes in RESP3, arrays in RESP2. */

function bulk(bytes: Buffer | null, protocol: 2 | 3): Buffer {
  if (bytes === null) return Buffer.from(protocol === 3 ? '_\r\n' : '$-1\r\n');
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
}

/** A message of bulk strings, arrays of them, and nulls. */
export function encodePush(protocol: 2 | 3, parts: readonly (Buffer | readonly Buffer[] | null)[]): Buffer {
  const pieces: Buffer[] = [Buffer.from(`${protocol === 3 ? '>' : '*'}${parts.length}\r\n`)];
  for (const part of parts) {
    if (part === null || Buffer.isBuffer(part)) {
      pieces.push(bulk(part, protocol));
    } else {
      pieces.push(Buffer.from(`*${part.length}\r\n`), ...part.map((one) => bulk(one, protocol)));
    }
  }
  return Buffer.concat(pieces);
}
