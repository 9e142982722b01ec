/**
 * Emits the encoder of one struct.
 *
 * The invariant to remember: a request that sets a field its version cannot carry is refused unless Kafka marks the field
 * as ignorable; a response silently drops it, so that a handler fills one object for all versions.
 */

import type { Lines } from './lines.ts';
import type { Field, Message, Struct } from './schema.ts';
import { camel, defaultLiteral, flexibleFlag, isBigint, isNullable, isOptional, isTagged } from './types.ts';
import { condition, covers, intersect, isEmpty } from './versions.ts';

/** Adds `function encodeX(writer, version, message)`. */
export function emitEncoder(out: Lines, message: Message, struct: Struct, exported: boolean): void {
  new EncoderEmitter(out, message, struct).emit(exported);
}

class EncoderEmitter {
  readonly #out: Lines;
  readonly #message: Message;
  readonly #struct: Struct;
  readonly #flexible: 'true' | 'false' | 'flexible';

  constructor(out: Lines, message: Message, struct: Struct) {
    this.#out = out;
    this.#message = message;
    this.#struct = struct;
    this.#flexible = flexibleFlag(message, struct);
  }

  emit(exported: boolean): void {
    const out = this.#out;
    const { name, fields } = this.#struct;
    const input = this.#message.kind === 'response' ? name : `Sparse<${name}>`;
    const head = `${exported ? 'export ' : ''}function encode${name}`;
    out.block(`${head}(writer: Writer, version: number, message: ${input}): void`, () => {
      if (this.#flexible === 'flexible') out.add(`const flexible = version >= ${this.#message.flexible.low};`);
      for (const field of fields) if (!isTagged(field)) this.#field(field);
      this.#tags(fields.filter(isTagged));
    });
    out.add('');
  }

  /** Source for the field's value with its default filled in. */
  #value(field: Field): string {
    const value = `message.${camel(field.name)}`;
    const mayBeMissing = this.#message.kind !== 'response' || isOptional(this.#message, this.#struct, field);
    if (!mayBeMissing) return value;
    const literal = defaultLiteral(this.#message, field);
    // `??` would turn a null that was meant into the default.
    if (isNullable(field) && literal !== 'null') return `${value} === undefined ? ${literal} : ${value}`;
    return `${value} ?? ${literal}`;
  }

  #field(field: Field): void {
    const out = this.#out;
    const present = condition(field.versions, this.#struct.versions);
    const refusal = present === '' ? '' : this.#refusal(field);
    const plain = !field.isArray && (field.struct === undefined || !isNullable(field));
    if (present === '') {
      this.#write(field);
    } else if (plain) {
      out.add(`if (${present}) ${this.#writeOne(field, this.#value(field))};`);
      if (refusal !== '') out.add(`else ${refusal}`);
    } else {
      out.block(`if (${present})`, () => this.#write(field), refusal === '' ? '}' : `} else ${refusal}`);
    }
  }

  /** Source that refuses a value which the version cannot carry; '' where there is nothing to lose. */
  #refusal(field: Field): string {
    if (this.#message.kind === 'response' || field.ignorable || (field.struct !== undefined && !field.isArray))
      return '';
    const value = `message.${camel(field.name)}`;
    const fail = `notInVersion('${this.#struct.name}.${camel(field.name)}', version);`;
    if (field.isArray) return `if ((${value}?.length ?? 0) > 0) ${fail}`;
    return `if (${value} !== undefined && ${value} !== ${defaultLiteral(this.#message, field)}) ${fail}`;
  }

  #write(field: Field): void {
    const name = camel(field.name);
    if (field.isArray) {
      this.#out.add(`const ${name} = ${this.#value(field)};`);
      this.#array(field, name);
    } else if (field.struct !== undefined && isNullable(field)) {
      this.#out.add(`const ${name} = ${this.#value(field)};`);
      this.#out.add(`writer.present(${name} !== null);`);
      this.#out.add(`if (${name} !== null) encode${field.struct.name}(writer, version, ${name});`);
    } else {
      this.#out.add(`${this.#writeOne(field, this.#value(field))};`);
    }
  }

  #array(field: Field, name: string): void {
    if (!isNullable(field)) {
      this.#elements(field, name);
      return;
    }
    const inVersion = condition(field.nullable, field.versions);
    this.#out.block(
      `if (${name} === null)`,
      () => {
        if (inVersion !== '') this.#out.add(`if (!(${inVersion})) notInVersion('a null ${name}', version);`);
        this.#out.add(`writer.nullCount(${this.#flexible});`);
      },
      '} else {',
    );
    this.#out.indented(() => this.#elements(field, name));
    this.#out.add('}');
  }

  #elements(field: Field, name: string): void {
    this.#out.add(`writer.count(${this.#flexible}, ${name}.length);`);
    this.#out.add(`for (const item of ${name}) ${this.#writeElement(field)};`);
  }

  #writeElement(field: Field): string {
    if (field.struct !== undefined) return `encode${field.struct.name}(writer, version, item)`;
    if (field.type === 'string') return `writer.string(${this.#flexible}, item)`;
    if (field.type === 'bytes') return `writer.byteString(${this.#flexible}, item)`;
    return `writer.${this.#primitive(field)}(item)`;
  }

  /** Source that writes a field that is neither an array nor a nullable struct. */
  #writeOne(field: Field, value: string): string {
    const flexible = this.#flexible;
    if (field.struct !== undefined) return `encode${field.struct.name}(writer, version, ${value})`;
    if (field.type === 'records') return `writer.records(${flexible}, ${value})`;
    if (field.type === 'bytes') {
      return `writer.${isNullable(field) ? 'nullableByteString' : 'byteString'}(${flexible}, ${value})`;
    }
    if (field.type !== 'string') return `writer.${this.#primitive(field)}(${value})`;
    if (!isNullable(field)) return `writer.string(${flexible}, ${value})`;
    if (covers(field.nullable, field.versions)) return `writer.nullableString(${flexible}, ${value})`;
    const inVersion = condition(field.nullable, field.versions);
    // A response shows an empty string where its version has no null; a request must not change what was asked.
    const name = camel(field.name);
    const fallback = this.#message.kind === 'response' ? "''" : `notInVersion('a null ${name}', version)`;
    return `writer.nullableString(${flexible}, ${inVersion} ? (${value}) : ((${value}) ?? ${fallback}))`;
  }

  #primitive(field: Field): string {
    if (field.type === 'bool') return 'boolean';
    return isBigint(this.#message, field) ? 'bigint64' : field.type;
  }

  #tags(tagged: readonly Field[]): void {
    const out = this.#out;
    if (this.#flexible === 'false') return;
    if (tagged.length === 0) {
      out.add(this.#flexible === 'true' ? 'writer.varuint(0);' : 'if (flexible) writer.varuint(0);');
      return;
    }
    if (this.#flexible === 'true') this.#tagSection(tagged);
    else out.block('if (flexible)', () => this.#tagSection(tagged));
  }

  #tagSection(tagged: readonly Field[]): void {
    const out = this.#out;
    for (const field of tagged) {
      const name = camel(field.name);
      const value = field.struct !== undefined && !field.isArray ? `message.${name}` : this.#value(field);
      out.add(`const ${name} = ${value};`);
      out.add(`const has${field.name} = ${this.#mustBeSent(field)};`);
    }
    out.add(`writer.varuint(${tagged.map((field) => `Number(has${field.name})`).join(' + ')});`);
    for (const field of [...tagged].sort((a, b) => a.tag - b.tag)) {
      out.block(`if (has${field.name})`, () => {
        out.add(`const mark = writer.beginTag(${field.tag});`);
        if (field.isArray) this.#elements(field, camel(field.name));
        else out.add(`${this.#writeOne(field, camel(field.name))};`);
        out.add('writer.endTag(mark);');
      });
    }
  }

  /** Source that is true when a tagged field exists in the version and differs from its default. */
  #mustBeSent(field: Field): string {
    const name = camel(field.name);
    const inVersion = condition(field.versions, intersect(this.#message.flexible, this.#struct.versions));
    const guard = inVersion === '' ? '' : `${inVersion} && `;
    if (field.isArray) return `${guard}${name}.length > 0`;
    if (field.struct === undefined) return `${guard}${name} !== ${defaultLiteral(this.#message, field)}`;
    if (isNullable(field)) throw new Error(`${field.name}: nullable tagged structs are not supported`);
    const parts = field.struct.fields.map((inner) => {
      if (inner.isArray || inner.struct !== undefined || !isEmpty(inner.nullable)) {
        throw new Error(`${field.name}: only plain fields are supported in a tagged struct`);
      }
      const literal = defaultLiteral(this.#message, inner);
      return `(${name}.${camel(inner.name)} ?? ${literal}) !== ${literal}`;
    });
    return `${guard}${name} !== undefined && (${parts.join(' || ')})`;
  }
}
