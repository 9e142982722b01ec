/**
 * `produce -f`: cuts a stream of bytes into records by a format such as `%v\n` (the default) or `%k\t%v\n`. Input only.
 *
 *   %k key  %v value  %p partition  %t topic  %%   each field ends where the literal text behind it begins
 *   {hex} and {base64} behind %k and %v decode the text
 *
 * Invariant: with `%v\n` every byte between two newlines is the value, an empty line is an empty value, and a last line
 * without its newline is a record too.
 */
import { type CliError, usage } from './exit.ts';
import { readLiteral } from './format-escape.ts';

/** What one record of the input says. `null` where the format has no such field. */
export interface InputRecord {
  key: Uint8Array | null;
  value: Uint8Array | null;
  partition: number | null;
  topic: string | null;
}

type FieldName = 'k' | 'v' | 'p' | 't';

interface Field {
  readonly name: FieldName;
  readonly coding: 'plain' | 'hex' | 'base64';
  /** Bytes that end the field; never empty. */
  readonly delimiter: Buffer;
}

/** A compiled input format. */
export interface InputFormat {
  /** Literal text before the first field. */
  readonly lead: Buffer;
  readonly fields: readonly Field[];
}

/** Compiles an input format. Throws a usage error when a field has no text behind it that could end it. */
export function compileInputFormat(format: string): InputFormat {
  let lead: Buffer = Buffer.alloc(0);
  const fields: { name: FieldName; coding: Field['coding']; delimiter: Buffer }[] = [];
  const addLiteral = (bytes: Uint8Array): void => {
    const last = fields.at(-1);
    if (last === undefined) lead = Buffer.concat([lead, bytes]);
    else last.delimiter = Buffer.concat([last.delimiter, bytes]);
  };
  for (let position = 0; position < format.length; ) {
    if (format[position] !== '%' || format[position + 1] === '%') {
      const { bytes, next } = readLiteral(format, position);
      addLiteral(bytes);
      position = format[position] === '%' ? position + 2 : next;
      continue;
    }
    const [verb, name, coding] = /^%([kvpt])(?:\{(hex|base64)\})?/.exec(format.slice(position)) ?? [];
    if (verb === undefined) throw unknownField(format.slice(position, position + 2));
    fields.push({
      name: name as FieldName,
      coding: (coding ?? 'plain') as Field['coding'],
      delimiter: Buffer.alloc(0),
    });
    position += verb.length;
  }
  if (fields.length === 0) throw usage('the format has no field: give at least %v');
  const open = fields.find((field) => field.delimiter.length === 0);
  if (open !== undefined) throw usage(`%${open.name} in the format needs text behind it that ends it, such as \\n`);
  return { lead, fields };
}

function unknownField(verb: string): CliError {
  return usage(`'${verb}' is not known in an input format: give %k %v %p %t or %%`);
}

/** Cuts chunks into records as they arrive. Values are views of an internal buffer that is never written again. */
export class LineCutter {
  readonly #format: InputFormat;
  /** Longest record accepted, in bytes: a stream without the delimiter must not fill the memory. */
  readonly #maxBytes: number;
  #rest: Buffer = Buffer.alloc(0);
  /** Where the search for the current delimiter goes on, so that a long record is not scanned again per chunk. */
  #searched = 0;
  #records = 0;

  constructor(format: InputFormat, maxBytes: number) {
    this.#format = format;
    this.#maxBytes = maxBytes;
  }

  /** Adds input; hands each whole record to `emit`. Throws a `CliError` for a record that breaks the format or the limit. */
  push(chunk: Buffer, emit: (record: InputRecord) => void): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (;;) {
      const end = this.#cut(start, emit);
      if (end < 0) break;
      start = end;
      this.#searched = 0;
    }
    this.#rest = this.#rest.subarray(start);
    if (this.#rest.length > this.#maxBytes) throw this.#tooLong();
  }

  /** Ends the input: what is left is a last record whose final delimiter is missing, or nothing. */
  end(emit: (record: InputRecord) => void): void {
    if (this.#rest.length === 0) return;
    const last = this.#format.fields.at(-1);
    this.#rest = Buffer.concat([this.#rest, last?.delimiter ?? Buffer.alloc(0)]);
    this.#searched = 0;
    if (this.#cut(0, emit) !== this.#rest.length) throw usage(`record ${this.#records + 1} does not follow the format`);
    this.#rest = Buffer.alloc(0);
  }

  #tooLong(): CliError {
    return usage(`record ${this.#records + 1} is longer than ${this.#maxBytes} bytes`);
  }

  /** One record at `start`: returns the position behind it, or -1 when it is not complete. */
  #cut(start: number, emit: (record: InputRecord) => void): number {
    const { lead, fields } = this.#format;
    const record: InputRecord = { key: null, value: null, partition: null, topic: null };
    let position = start + lead.length;
    if (lead.length > 0 && !this.#rest.subarray(start, position).equals(lead)) {
      if (this.#rest.length >= position) throw usage(`record ${this.#records + 1} does not begin as the format says`);
      return -1;
    }
    for (const field of fields) {
      const single = fields.length === 1 ? Math.max(position, start + this.#searched) : position;
      const end = this.#rest.indexOf(field.delimiter, single);
      if (end < 0) {
        this.#searched = Math.max(0, this.#rest.length - start - field.delimiter.length + 1);
        return -1;
      }
      assign(record, field, this.#rest.subarray(position, end), this.#records + 1);
      position = end + field.delimiter.length;
    }
    if (position - start > this.#maxBytes) throw this.#tooLong();
    this.#records++;
    emit(record);
    return position;
  }
}

function assign(record: InputRecord, field: Field, raw: Buffer, number: number): void {
  const bytes = field.coding === 'plain' ? raw : decode(raw, field.coding, number);
  if (field.name === 'k') record.key = bytes;
  else if (field.name === 'v') record.value = bytes;
  else if (field.name === 't') record.topic = bytes.toString('utf8');
  else {
    const text = bytes.toString('latin1');
    if (!/^\d{1,9}$/.test(text)) throw usage(`record ${number}: '${text.slice(0, 40)}' is not a partition`);
    record.partition = Number(text);
  }
}

function decode(raw: Buffer, coding: 'hex' | 'base64', number: number): Buffer {
  const text = raw.toString('latin1');
  const bytes = Buffer.from(text, coding);
  const back = bytes.toString(coding);
  if (coding === 'hex' ? back !== text.toLowerCase() : back.replace(/=+$/, '') !== text.replace(/=+$/, '')) {
    throw usage(`record ${number}: the field is not ${coding}`);
  }
  return bytes;
}
