/**
 * How keys and values become bytes and come back: three encodings by name, and any other as a codec.
 *
 * Not the order of keys: that is the order of their bytes. `utf8` and `buffer` keep the order of what they encode; a codec
 * for keys has to. To remember: what is handed to a write is copied or freshly made, so a caller may go on using it.
 */

import { MillraceError } from '../errors.ts';

/** Turns values into bytes and back. `In` is what a write takes, `Out` what a read gives. */
export interface Codec<In, Out = In> {
  /** Text becomes its UTF-8. The bytes must not be changed later. */
  encode(value: In): Uint8Array | string;
  /** The buffer is the reader's own. */
  decode(bytes: Buffer): Out;
}

/** Encodings by name. `json` is for values only: its text has no useful order. */
export type EncodingName = 'buffer' | 'utf8' | 'json';
/** How keys are encoded. */
export type KeyEncoding = 'buffer' | 'utf8' | Codec<never, unknown>;
/** How values are encoded. */
export type ValueEncoding = EncodingName | Codec<never, unknown>;

/** What a write takes under an encoding. */
export type InputOf<E> = E extends 'buffer'
  ? Uint8Array | string
  : E extends 'utf8'
    ? string
    : E extends 'json'
      ? unknown
      : E extends Codec<infer In, infer _Out>
        ? In
        : never;

/** What a read gives under an encoding. */
export type OutputOf<E> = E extends 'buffer'
  ? Buffer
  : E extends 'utf8'
    ? string
    : E extends 'json'
      ? unknown
      : E extends Codec<infer _In, infer Out>
        ? Out
        : never;

/** Longest key, bytes. */
export const KEY_BYTES_MAX = 65_535;

/** JSON with a type of its own: `valueEncoding: json<Account>()`. Nothing is checked when it is read. */
export function json<T>(): Codec<T> {
  return { encode: (value) => encodeJson(value), decode: (bytes) => JSON.parse(bytes.toString()) as T };
}

/** A codec that is ready for use: bytes of its own out of `encode`. */
export interface Transcoder<In, Out> {
  encode(value: In): Buffer;
  decode(bytes: Buffer): Out;
}

const named: Record<EncodingName, Transcoder<never, unknown>> = {
  buffer: { encode: encodeBytes, decode: (bytes) => bytes },
  utf8: { encode: encodeText, decode: (bytes) => bytes.toString() },
  json: { encode: (value) => Buffer.from(encodeJson(value)), decode: decodeJson },
};

/** The transcoder of an encoding. Throws MILLRACE_OPTION. */
export function transcoderOf<E extends ValueEncoding>(
  option: string,
  encoding: E,
): Transcoder<InputOf<E>, OutputOf<E>> {
  if (typeof encoding === 'string' && Object.hasOwn(named, encoding)) {
    return named[encoding as EncodingName] as Transcoder<InputOf<E>, OutputOf<E>>;
  }
  const codec = encoding as Partial<Codec<InputOf<E>, OutputOf<E>>> | null;
  if (typeof codec !== 'object' || typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') {
    throw new MillraceError('MILLRACE_OPTION', `${option} must be buffer, utf8, json or a codec { encode, decode }`);
  }
  const { encode, decode } = codec as Codec<InputOf<E>, OutputOf<E>>;
  return {
    encode: (value) => own(guard(() => encode.call(codec, value))),
    decode: (bytes) => guard(() => decode.call(codec, bytes)),
  };
}

/** The transcoder of keys, which must keep their order. Throws MILLRACE_OPTION. */
export function keyTranscoderOf<E extends KeyEncoding>(encoding: E): Transcoder<InputOf<E>, OutputOf<E>> {
  if ((encoding as unknown) === 'json') {
    throw new MillraceError('MILLRACE_OPTION', 'keyEncoding must keep the order of keys, which json does not');
  }
  return transcoderOf('keyEncoding', encoding);
}

function guard<T>(action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    throw new MillraceError('MILLRACE_ENCODING', String(cause), { cause });
  }
}

/** Bytes that nobody else changes. */
function own(bytes: Uint8Array | string): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes);
  if (bytes instanceof Uint8Array) return Buffer.from(bytes);
  throw new MillraceError('MILLRACE_ENCODING', 'a codec must encode to bytes or text');
}

function encodeBytes(value: unknown): Buffer {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return Buffer.from(value);
  throw new MillraceError('MILLRACE_ENCODING', `bytes or text are wanted, not ${describe(value)}`);
}

function encodeText(value: unknown): Buffer {
  if (typeof value === 'string') return Buffer.from(value);
  throw new MillraceError('MILLRACE_ENCODING', `text is wanted, not ${describe(value)}`);
}

function encodeJson(value: unknown): string {
  const text = guard(() => JSON.stringify(value)) as string | undefined;
  if (text === undefined) throw new MillraceError('MILLRACE_ENCODING', `${describe(value)} has no JSON`);
  return text;
}

function decodeJson(bytes: Buffer): unknown {
  return guard(() => JSON.parse(bytes.toString()));
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
