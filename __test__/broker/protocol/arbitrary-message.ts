/** Arbitrary messages of one version, for fast-check, from Kafka's schemas. Fields the version lacks have their default. */

import fc from 'fast-check';
import type { Field, Message, Struct } from '../../../ts/broker/protocol/generator/schema.ts';
import { camel, isBigint } from '../../../ts/broker/protocol/generator/types.ts';
import { type Sample, sampleMessage } from './sample-message.ts';

const MAX_BIGINT = 2n ** 63n - 1n;

export function arbitraryMessage(message: Message, version: number): fc.Arbitrary<Sample> {
  const bare = sampleMessage(message, version, 'bare');
  return arbitraryStruct(message, message.root, version).map((fields) => ({ ...bare, ...fields }));
}

function arbitraryStruct(message: Message, struct: Struct, version: number): fc.Arbitrary<Sample> {
  const bare = sampleMessage({ ...message, root: struct }, version, 'bare');
  const present = struct.fields.filter((field) => field.versions.low <= version && version <= field.versions.high);
  const shape = present.map((field) => [camel(field.name), arbitraryField(message, field, version)] as const);
  return fc.record(Object.fromEntries(shape)).map((fields) => ({ ...bare, ...fields }));
}

function arbitraryField(message: Message, field: Field, version: number): fc.Arbitrary<unknown> {
  const one = field.struct === undefined ? scalar(message, field) : arbitraryStruct(message, field.struct, version);
  const value = field.isArray ? fc.array(one, { maxLength: 4 }) : one;
  const nullable = field.nullable.low <= version && version <= field.nullable.high;
  return nullable ? fc.option(value, { nil: null, freq: 4 }) : value;
}

function scalar(message: Message, field: Field): fc.Arbitrary<unknown> {
  switch (field.type) {
    case 'bool':
      return fc.boolean();
    case 'int8':
      return fc.integer({ min: -128, max: 127 });
    case 'int16':
      return fc.integer({ min: -32_768, max: 32_767 });
    case 'uint16':
      return fc.integer({ min: 0, max: 65_535 });
    case 'int32':
      return fc.integer();
    case 'int64':
      return isBigint(message, field) ? fc.bigInt({ min: -MAX_BIGINT - 1n, max: MAX_BIGINT }) : fc.maxSafeInteger();
    case 'float64':
      return fc.double({ noNaN: true });
    case 'string':
      return fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 300 }));
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'));
    default:
      return fc.uint8Array({ maxLength: 300 });
  }
}
