/**
 * Messages for codec tests, made from Kafka's schemas by a fixed rule, so that bytes written by Kafka's own Java classes
 * for them can be committed and compared.
 *
 * `full`: every field of the version has a value of its own, arrays have two elements. `bare`: every field has its
 * default, nullable ones are null, arrays are empty.
 */

import type { Field, Message, Struct } from '../../../ts/broker/protocol/generator/schema.ts';
import { camel, isBigint } from '../../../ts/broker/protocol/generator/types.ts';
import { ZERO_UUID } from '../../../ts/broker/protocol/uuid.ts';

export type Variant = 'full' | 'bare';
export type Sample = Record<string, unknown>;

/** The message as our decoder must build it. */
export function sampleMessage(message: Message, version: number, variant: Variant): Sample {
  let counter = 0;
  const next = (): number => {
    counter += 1;
    return counter;
  };
  return sampleStruct(message, message.root, version, variant, next);
}

function has(versions: { low: number; high: number }, version: number): boolean {
  return versions.low <= version && version <= versions.high;
}

function sampleStruct(message: Message, struct: Struct, version: number, variant: Variant, next: () => number): Sample {
  const result: Sample = {};
  for (const field of struct.fields) {
    const isFull = variant === 'full' && has(field.versions, version);
    result[camel(field.name)] = isFull ? fullValue(message, field, version, next) : bareValue(message, field, version);
  }
  return result;
}

function fullValue(message: Message, field: Field, version: number, next: () => number): unknown {
  if (field.isArray) return [element(message, field, version, next), element(message, field, version, next)];
  return element(message, field, version, next);
}

function element(message: Message, field: Field, version: number, next: () => number): unknown {
  if (field.struct !== undefined) return sampleStruct(message, field.struct, version, 'full', next);
  const n = next();
  switch (field.type) {
    case 'bool':
      return field.defaultText !== 'true';
    case 'int8':
      return n % 2 === 0 ? n % 100 : -(n % 100) - 2;
    case 'int16':
      return n % 2 === 0 ? 1000 + n : -1000 - n;
    case 'uint16':
      return 40_000 + n;
    case 'int32':
      return n % 2 === 0 ? 1_000_000_000 + n : -1_000_000_000 - n;
    case 'int64': {
      const value = n % 2 === 0 ? 9_000_000_000_000_000 + n : -9_000_000_000_000_000 - n;
      return isBigint(message, field) ? BigInt(value) * 1000n : value;
    }
    case 'float64':
      return n + 0.5;
    case 'string':
      return `${field.name}-${n}${n % 3 === 0 ? '-größe-✓' : ''}`;
    case 'uuid':
      return n.toString(16).padStart(4, '0').repeat(8);
    default:
      return Uint8Array.from({ length: n % 7 === 0 ? 300 : n % 5 }, (_, i) => (n + i) & 0xff);
  }
}

function bareValue(message: Message, field: Field, version: number): unknown {
  if (has(field.nullable, version))
    return field.defaultText === undefined || field.defaultText === 'null' ? null : bareScalar(message, field);
  if (field.defaultText === 'null') return null;
  if (field.isArray) return [];
  if (field.struct !== undefined) {
    return Object.fromEntries(
      field.struct.fields.map((inner) => [camel(inner.name), bareValue(message, inner, version)]),
    );
  }
  return bareScalar(message, field);
}

function bareScalar(message: Message, field: Field): unknown {
  const text = field.defaultText;
  if (field.type === 'bool') return text === 'true';
  if (field.type === 'string') return text ?? '';
  if (field.type === 'uuid') return ZERO_UUID;
  if (field.type === 'bytes' || field.type === 'records') return new Uint8Array(0);
  return isBigint(message, field) ? BigInt(text ?? '0') : Number(text ?? '0');
}

/** The same message as Kafka's own JSON converters read it: only the fields of the version, bytes and uuids as base64. */
export function kafkaJson(struct: Struct, sample: Sample, version: number): Record<string, unknown> {
  const fields = struct.fields.filter((field) => has(field.versions, version));
  return Object.fromEntries(
    fields.map((field) => [camel(field.name), kafkaValue(field, sample[camel(field.name)], version)]),
  );
}

function kafkaValue(field: Field, value: unknown, version: number): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((item) => kafkaValue(field, item, version));
  if (field.struct !== undefined) return kafkaJson(field.struct, value as Sample, version);
  if (field.type === 'uuid') return Buffer.from(value as string, 'hex').toString('base64url');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return typeof value === 'bigint' ? Number(value) : value;
}
