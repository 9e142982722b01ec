/** Cuts a stream of RESP replies into whole ones, and gives them as bytes or as values. */

/** A reply as a value: errors as `{ error }`, maps and sets as arrays, nulls as null. */
export type Value = string | number | null | { readonly error: string } | readonly Value[];

/** Where the reply at `from` ends; -1 when it has not ended. */
function endOf(bytes: Buffer, from: number): number {
  const line = bytes.indexOf('\r\n', from);
  if (line < 0) return -1;
  const kind = String.fromCharCode(bytes[from] ?? 0);
  const count = Number(bytes.toString('latin1', from + 1, line));
  if ('$='.includes(kind)) {
    if (count < 0) return line + 2;
    return line + 2 + count + 2 <= bytes.length ? line + 2 + count + 2 : -1;
  }
  if (!'*%~>'.includes(kind)) return line + 2;
  let at = line + 2;
  for (let left = kind === '%' ? count * 2 : count; left > 0; left -= 1) {
    at = at < bytes.length ? endOf(bytes, at) : -1;
    if (at < 0) return -1;
  }
  return at;
}

/** The whole replies that `bytes` begins with, and how many bytes they take. */
export function cutReplies(bytes: Buffer): { replies: Buffer[]; used: number } {
  const replies: Buffer[] = [];
  let used = 0;
  while (used < bytes.length) {
    const end = endOf(bytes, used);
    if (end < 0) break;
    replies.push(bytes.subarray(used, end));
    used = end;
  }
  return { replies, used };
}

/** A whole reply as a value; bytes become characters. */
export function replyValue(reply: Buffer): Value {
  return read(reply, 0)[0];
}

function read(bytes: Buffer, from: number): [Value, number] {
  const line = bytes.indexOf('\r\n', from);
  const kind = String.fromCharCode(bytes[from] ?? 0);
  const text = bytes.toString('latin1', from + 1, line);
  if ('$='.includes(kind)) {
    const length = Number(text);
    if (length < 0) return [null, line + 2];
    return [bytes.toString('latin1', line + 2 + (kind === '=' ? 4 : 0), line + 2 + length), line + 4 + length];
  }
  if (kind === ':') return [Number(text), line + 2];
  if (kind === '_') return [null, line + 2];
  if (kind === '-') return [{ error: text }, line + 2];
  if (!'*%~>'.includes(kind)) return [text, line + 2];
  if (Number(text) < 0) return [null, line + 2];
  const values: Value[] = [];
  let at = line + 2;
  for (let left = Number(text) * (kind === '%' ? 2 : 1); left > 0; left -= 1) {
    const [value, end] = read(bytes, at);
    values.push(value);
    at = end;
  }
  return [values, at];
}
