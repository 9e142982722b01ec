/**
 * `consume -f`: rpk's percent formats, compiled once into a list of writers. Output only; produce has line-input.ts.
 *
 *   %t topic  %k key  %v value  %h headers  %p partition  %o offset  %e leader epoch  %d timestamp (ms)
 *   %T %K %V lengths in bytes  %H number of headers  %i number of the record printed, from 1
 *   %a attributes  %x producer id  %y producer epoch  %[ log start  %| last stable offset  %] high watermark  %%
 *   text: {hex} {base64};  numbers: {hex8..hex64} {big8..big64} {little8..little64};  %a{compression} {timestamp-type}
 *   %h{ ... } repeats a format of %k and %v for each header
 *
 * Invariant: bytes of keys and values are copied as they are; nothing is decoded on the way.
 */
import { usage } from './exit.ts';
import { readLiteral } from './format-escape.ts';
import { type CliRecord, codecName, timestampTypeName } from './record.ts';

/** Appends what one piece of the format says of a record. `index` counts printed records from 1. */
type Piece = (record: CliRecord, index: number, out: Uint8Array[]) => void;

/** A compiled format: pushes the bytes of one record to `out`. The bytes may be views of the record. */
export type RecordFormat = (record: CliRecord, index: number, out: Uint8Array[]) => void;

const empty = new Uint8Array(0);

const texts: Readonly<Record<string, (record: CliRecord) => Uint8Array>> = {
  t: (record) => Buffer.from(record.topic),
  k: (record) => record.key ?? empty,
  v: (record) => record.value ?? empty,
};

const numbers: Readonly<Record<string, (record: CliRecord, index: number) => number>> = {
  T: (record) => Buffer.byteLength(record.topic),
  K: (record) => record.key?.length ?? 0,
  V: (record) => record.value?.length ?? 0,
  H: (record) => record.headers.length,
  p: (record) => record.partition,
  o: (record) => record.offset,
  e: (record) => record.leaderEpoch,
  d: (record) => record.timestamp,
  x: (record) => record.producerId,
  y: (record) => record.producerEpoch,
  '[': (record) => record.logStart,
  '|': (record) => record.lastStable,
  ']': (record) => record.highWatermark,
  i: (_, index) => index,
};

const textCodings: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  '': (bytes) => bytes,
  hex: (bytes) => Buffer.from(view(bytes).toString('hex')),
  base64: (bytes) => Buffer.from(view(bytes).toString('base64')),
};

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Compiles `format`. Throws a usage error that names the first verb, escape or modifier not known. */
export function compileRecordFormat(format: string): RecordFormat {
  const pieces: Piece[] = [];
  let literal: Uint8Array[] = [];
  const endLiteral = (): void => {
    if (literal.length === 0) return;
    const bytes = Buffer.concat(literal);
    pieces.push((_record, _index, out) => out.push(bytes));
    literal = [];
  };
  for (let position = 0; position < format.length; ) {
    if (format[position] !== '%') {
      const { bytes, next } = readLiteral(format, position);
      literal.push(bytes);
      position = next;
      continue;
    }
    const verb = format[position + 1] ?? '';
    const { modifier, next } = readModifier(format, position + 2);
    position = next;
    if (verb === '%') literal.push(Buffer.from('%'));
    else {
      endLiteral();
      pieces.push(compileVerb(verb, modifier));
    }
  }
  endLiteral();
  return (record, index, out) => {
    for (const piece of pieces) piece(record, index, out);
  };
}

/** Reads `{...}` at `position`, with nested braces; an absent modifier is ''. */
function readModifier(format: string, position: number): { modifier: string; next: number } {
  if (format[position] !== '{') return { modifier: '', next: position };
  let depth = 0;
  for (let i = position; i < format.length; i++) {
    if (format[i] === '{') depth++;
    else if (format[i] === '}' && --depth === 0) return { modifier: format.slice(position + 1, i), next: i + 1 };
  }
  throw usage(`a brace in the format is not closed: '${format.slice(position)}'`);
}

function compileVerb(verb: string, modifier: string): Piece {
  const text = texts[verb];
  if (text !== undefined) {
    const coding = textCodings[modifier];
    if (coding === undefined) throw usage(`'%${verb}{${modifier}}' is not known: text takes {hex} or {base64}`);
    return (record, _index, out) => out.push(coding(text(record)));
  }
  const number = numbers[verb];
  if (number !== undefined) {
    const coding = numberCoding(verb, modifier);
    return (record, index, out) => out.push(coding(number(record, index)));
  }
  if (verb === 'h') return compileHeaders(modifier);
  if (verb === 'a') return compileAttributes(modifier);
  throw usage(`'%${verb}' in the format is not known: %t %k %v %h %H %p %o %e %d %a %x %y %[ %| %] %T %K %V %i %%`);
}

function numberCoding(verb: string, modifier: string): (value: number) => Uint8Array {
  if (modifier === '' || modifier === 'ascii') return (value) => Buffer.from(String(value));
  const [, form, size] = /^(hex|big|little)(8|16|32|64)$/.exec(modifier) ?? [];
  if (form === undefined) {
    throw usage(`'%${verb}{${modifier}}' is not known: numbers take {hex8}, {big8}, {little8} and 16, 32, 64 of each`);
  }
  const bits = Number(size);
  return (value) => {
    const bytes = Buffer.alloc(8);
    const wrapped = BigInt.asUintN(bits, BigInt(value));
    if (form === 'little') bytes.writeBigUInt64LE(wrapped);
    else bytes.writeBigUInt64BE(wrapped);
    const part = form === 'little' ? bytes.subarray(0, bits / 8) : bytes.subarray(8 - bits / 8);
    return form === 'hex' ? Buffer.from(part.toString('hex')) : part;
  };
}

function compileHeaders(modifier: string): Piece {
  const inner = compileRecordFormat(modifier === '' ? '%k=%v ' : modifier);
  return (record, index, out) => {
    for (const header of record.headers)
      inner({ ...record, key: Buffer.from(header.key), value: header.value }, index, out);
  };
}

function compileAttributes(modifier: string): Piece {
  const show: Readonly<Record<string, (attributes: number) => string>> = {
    '': String,
    compression: codecName,
    'timestamp-type': timestampTypeName,
  };
  const coding = show[modifier];
  if (coding === undefined) throw usage(`'%a{${modifier}}' is not known: give {compression} or {timestamp-type}`);
  return (record, _index, out) => out.push(Buffer.from(coding(record.attributes)));
}
