/**
 * How a field of a schema looks in TypeScript: its name, type, default, and the fewest bytes it takes on the wire.
 *
 * Pure functions of the schema. The invariant to remember: the decoder's default for a field that is absent and the
 * encoder's default for a field that is left out are the same literal.
 */

import { BIGINT_FIELDS } from './int64.ts';
import type { Field, Message, Struct } from './schema.ts';
import { covers, intersect, isEmpty, type Versions } from './versions.ts';

export function camel(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

export function kebab(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]/g, '-$&').toLowerCase();
}

export function isBigint(message: Message, field: Field): boolean {
  return field.type === 'int64' && BIGINT_FIELDS.has(`${message.root.name}.${field.name}`);
}

export function isTagged(field: Field): boolean {
  return !isEmpty(field.tagged);
}

export function isNullable(field: Field): boolean {
  return !isEmpty(field.nullable);
}

/** True when an encoder of a response fills the field in by itself. */
export function isOptional(message: Message, struct: Struct, field: Field): boolean {
  if (message.kind !== 'response') return false;
  return field.defaultText !== undefined || isTagged(field) || !covers(field.versions, struct.versions);
}

/** The element's type for arrays. */
export function elementType(message: Message, field: Field): string {
  if (field.struct !== undefined) return field.struct.name;
  if (field.type === 'bool') return 'boolean';
  if (field.type === 'string' || field.type === 'uuid') return 'string';
  if (field.type === 'bytes') return 'Uint8Array';
  if (field.type === 'records') return message.kind === 'response' ? 'Records' : 'Uint8Array';
  return isBigint(message, field) ? 'bigint' : 'number';
}

/** The declared type of the field, with null where some version allows it. */
export function fieldType(message: Message, field: Field): string {
  const base = elementType(message, field) + (field.isArray ? '[]' : '');
  return isNullable(field) && base !== 'Records' ? `${base} | null` : base;
}

/** The type of the field as the decoder builds it. */
export function decodedType(message: Message, field: Field): string {
  let base = elementType(message, field);
  if (base === 'Records') base = 'Uint8Array';
  if (field.struct !== undefined && message.kind === 'response') base = `Complete<${base}>`;
  if (field.isArray) base += '[]';
  return isNullable(field) ? `${base} | null` : base;
}

/** Source of the field's default value. */
export function defaultLiteral(message: Message, field: Field): string {
  const text = field.defaultText;
  if (text === 'null') return 'null';
  if (field.isArray) return '[]';
  if (field.struct !== undefined) return structDefault(message, field.struct);
  switch (field.type) {
    case 'bool':
      return text === 'true' ? 'true' : 'false';
    case 'string':
      return `'${text ?? ''}'`;
    case 'uuid':
      return 'ZERO_UUID';
    case 'bytes':
    case 'records':
      return 'new Uint8Array(0)';
    default:
      return `${integerDefault(text)}${isBigint(message, field) ? 'n' : ''}`;
  }
}

function integerDefault(text: string | undefined): number {
  const value = Number(text ?? '0');
  if (!Number.isSafeInteger(value)) throw new Error(`default ${text} does not fit a number`);
  return value;
}

function structDefault(message: Message, struct: Struct): string {
  const parts = struct.fields.map((field) => `${camel(field.name)}: ${defaultLiteral(message, field)}`);
  return `{ ${parts.join(', ')} }`;
}

/** A lower bound for the wire size of one element, over all versions: what an array count is checked against. */
export function minElementBytes(message: Message, field: Field): number {
  const compact = !isEmpty(message.flexible);
  if (field.struct !== undefined) return Math.max(1, minStructBytes(message, field.struct, field.versions));
  switch (field.type) {
    case 'bool':
    case 'int8':
      return 1;
    case 'int16':
    case 'uint16':
      return 2;
    case 'int32':
      return 4;
    case 'int64':
    case 'float64':
      return 8;
    case 'uuid':
      return 16;
    case 'string':
      return compact ? 1 : 2;
    default:
      return compact ? 1 : 4;
  }
}

function minStructBytes(message: Message, struct: Struct, versions: Versions): number {
  let bytes = covers(message.flexible, versions) ? 1 : 0;
  for (const field of struct.fields) {
    if (isTagged(field) || !covers(field.versions, versions)) continue;
    if (field.isArray) bytes += isEmpty(message.flexible) ? 4 : 1;
    else if (field.struct !== undefined && isNullable(field)) bytes += 1;
    else bytes += minElementBytes(message, field);
  }
  return bytes;
}

/** Source for "this message is flexible": a literal where all versions of the struct agree, else the local constant. */
export function flexibleFlag(message: Message, struct: Struct): 'true' | 'false' | 'flexible' {
  if (isEmpty(intersect(message.flexible, struct.versions))) return 'false';
  return covers(message.flexible, struct.versions) ? 'true' : 'flexible';
}

/** All structs below the root, inner ones first, each name once. */
export function nestedStructs(struct: Struct, found: Struct[] = []): Struct[] {
  for (const field of struct.fields) {
    if (field.struct === undefined) continue;
    nestedStructs(field.struct, found);
    if (!found.some((known) => known.name === field.struct?.name)) found.push(field.struct);
  }
  return found;
}
