/**
 * Emits the decoder of one struct: local constants in wire order, then one object literal.
 *
 * The invariant to remember: the emitted code touches bytes only through the reader, which checks every count and length.
 */

import type { Lines } from './lines.ts';
import type { Field, Message, Struct } from './schema.ts';
import {
  camel,
  decodedType,
  defaultLiteral,
  flexibleFlag,
  isBigint,
  isNullable,
  isTagged,
  minElementBytes,
} from './types.ts';
import { condition, covers, intersect, isEmpty } from './versions.ts';

/** Adds `function decodeX(reader, version): X`. */
export function emitDecoder(out: Lines, message: Message, struct: Struct, exported: boolean): void {
  new DecoderEmitter(out, message, struct).emit(exported);
}

class DecoderEmitter {
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
    const result = this.#message.kind === 'response' ? `Complete<${name}>` : name;
    const head = `${exported ? 'export ' : ''}function decode${name}(reader: Reader, version: number): ${result}`;
    out.block(head, () => {
      if (this.#flexible === 'flexible') out.add(`const flexible = version >= ${this.#message.flexible.low};`);
      for (const field of fields) if (!isTagged(field)) this.#field(field);
      this.#tags(fields.filter(isTagged));
      out.add(`return { ${fields.map((field) => camel(field.name)).join(', ')} };`);
    });
    out.add('');
  }

  #field(field: Field): void {
    const name = camel(field.name);
    const present = condition(field.versions, this.#struct.versions);
    if (field.isArray) {
      this.#array(field, present);
    } else if (present === '') {
      this.#out.add(`const ${name} = ${this.#readOne(field)};`);
    } else {
      const type = decodedType(this.#message, field);
      const absent = defaultLiteral(this.#message, field);
      this.#out.add(`const ${name}: ${type} = ${present} ? ${this.#readOne(field)} : ${absent};`);
    }
  }

  #array(field: Field, present: string): void {
    const nullable = isNullable(field);
    const initial = present === '' ? (nullable ? 'null' : '[]') : defaultLiteral(this.#message, field);
    const keyword = nullable ? 'let' : 'const';
    this.#out.add(`${keyword} ${camel(field.name)}: ${decodedType(this.#message, field)} = ${initial};`);
    const read = (): void => this.#elements(field, initial);
    if (present === '') read();
    else this.#out.block(`if (${present})`, read);
  }

  /** `initial`: source of what the variable holds so far. */
  #elements(field: Field, initial: string): void {
    const name = camel(field.name);
    const args = `(${this.#flexible}, ${minElementBytes(this.#message, field)})`;
    const count = byNullability(field, `reader.nullableCount${args}`, `reader.count${args}`);
    const push = `${name}.push(${this.#readElement(field)});`;
    if (!isNullable(field)) {
      this.#out.add(`for (let left = ${count}; left > 0; left -= 1) ${push}`);
      return;
    }
    this.#out.add(`const ${name}Count = ${count};`);
    this.#out.block(`if (${name}Count >= 0)`, () => {
      this.#out.add(`${name} = [];`);
      this.#out.add(`for (let left = ${name}Count; left > 0; left -= 1) ${push}`);
    });
    if (initial !== 'null') this.#out.add(`else ${name} = null;`);
  }

  /** Source that reads a field that is not an array. */
  #readOne(field: Field): string {
    const flexible = this.#flexible;
    if (field.struct !== undefined) {
      const read = `decode${field.struct.name}(reader, version)`;
      return isNullable(field) ? byNullability(field, `(reader.present() ? ${read} : null)`, read) : read;
    }
    if (field.type === 'string') {
      return byNullability(field, `reader.nullableString(${flexible})`, `reader.string(${flexible})`);
    }
    if (field.type === 'bytes' || field.type === 'records') {
      return byNullability(field, `reader.nullableByteView(${flexible})`, `reader.byteView(${flexible})`);
    }
    return this.#readElement(field);
  }

  /** Source that reads one element of an array, or a fixed-size primitive. */
  #readElement(field: Field): string {
    if (field.struct !== undefined) return `decode${field.struct.name}(reader, version)`;
    if (field.type === 'string') return `reader.string(${this.#flexible})`;
    if (field.type === 'bytes') return `reader.byteView(${this.#flexible})`;
    if (field.type === 'bool') return 'reader.boolean()';
    return isBigint(this.#message, field) ? 'reader.bigint64()' : `reader.${field.type}()`;
  }

  #tags(tagged: readonly Field[]): void {
    const out = this.#out;
    if (this.#flexible === 'false') return;
    if (tagged.length === 0) {
      out.add(this.#flexible === 'true' ? 'reader.skipTags();' : 'if (flexible) reader.skipTags();');
      return;
    }
    for (const field of tagged) {
      const type = decodedType(this.#message, field);
      out.add(`let ${camel(field.name)}: ${type} = ${defaultLiteral(this.#message, field)};`);
    }
    const count = this.#flexible === 'true' ? 'reader.tagCount()' : 'flexible ? reader.tagCount() : 0';
    out.block(`for (let tags = ${count}; tags > 0; tags -= 1)`, () => {
      out.add('const tag = reader.varuint();');
      out.add('const end = reader.tagEnd();');
      tagged.forEach((field, index) => {
        out.add(`${index === 0 ? '' : '} else '}if (${this.#tagTest(field)}) {`);
        out.indented(() => this.#tagged(field));
      });
      out.add('} else {');
      out.indented(() => out.add('reader.position = end;'));
      out.add('}');
    });
  }

  #tagTest(field: Field): string {
    const inVersion = condition(field.versions, intersect(this.#message.flexible, this.#struct.versions));
    return `tag === ${field.tag}${inVersion === '' ? '' : ` && ${inVersion}`}`;
  }

  #tagged(field: Field): void {
    const name = camel(field.name);
    if (field.isArray) {
      if (isNullable(field)) throw new Error(`${field.name}: nullable tagged arrays are not supported`);
      this.#out.add(`${name} = [];`);
      this.#elements(field, '[]');
    } else {
      this.#out.add(`${name} = ${this.#readOne(field)};`);
    }
    this.#out.add('reader.closeTag(end);');
  }
}

function byNullability(field: Field, nullable: string, plain: string): string {
  if (isEmpty(field.nullable)) return plain;
  if (covers(field.nullable, field.versions)) return nullable;
  return `${condition(field.nullable, field.versions)} ? ${nullable} : ${plain}`;
}
