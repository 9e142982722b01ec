/** The wire grammar of a message as a comment: one line a field, nested fields deeper, versions where they matter. */

import type { Lines } from './lines.ts';
import type { Field, Message, Struct } from './schema.ts';
import { camel, isBigint, isNullable, isTagged } from './types.ts';
import { covers, describe, isEmpty } from './versions.ts';

/** Adds the doc comment that stands above a decoder. */
export function emitGrammar(out: Lines, message: Message, summary: string): void {
  const { low, high } = message.versions;
  out.add('/**');
  out.add(` * ${summary}`);
  out.add(' *');
  out.add(` *     ${message.root.name} (versions ${low}-${high}${flexibleNote(message)})`);
  emitFields(out, message, message.root, 1);
  out.add(' */');
}

function flexibleNote(message: Message): string {
  if (isEmpty(message.flexible)) return '';
  return `, compact and tagged in ${describe(message.flexible, message.versions)}`;
}

function emitFields(out: Lines, message: Message, struct: Struct, depth: number): void {
  for (const field of struct.fields) {
    out.add(` *     ${'  '.repeat(depth)}${line(message, field)}`);
    if (field.struct !== undefined) emitFields(out, message, field.struct, depth + 1);
  }
}

function line(message: Message, field: Field): string {
  const type = field.struct === undefined ? field.type : field.struct.name;
  const notes: string[] = [];
  if (!covers(field.versions, message.versions)) notes.push(describe(field.versions, message.versions));
  if (isNullable(field)) {
    const always = covers(field.nullable, field.versions);
    notes.push(always ? 'nullable' : `nullable in ${describe(field.nullable, message.versions)}`);
  }
  if (isTagged(field)) notes.push(`tag ${field.tag}`);
  if (isBigint(message, field)) notes.push('bigint');
  const suffix = notes.length === 0 ? '' : `  (${notes.join(', ')})`;
  return `${camel(field.name)} => ${field.isArray ? '[]' : ''}${type}${suffix}`;
}
