/** Promises of `produce -f`: how a stream of bytes becomes records. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CliError } from '../../ts/cli/exit.ts';
import { compileInputFormat, type InputRecord, LineCutter } from '../../ts/cli/line-input.ts';

function cut(format: string, chunks: readonly Buffer[], maxBytes = 1 << 20): InputRecord[] {
  const records: InputRecord[] = [];
  const cutter = new LineCutter(compileInputFormat(format), maxBytes);
  for (const chunk of chunks) cutter.push(chunk, (record) => records.push(record));
  cutter.end((record) => records.push(record));
  return records;
}

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('utf8'));
const values = (records: readonly InputRecord[]) => records.map((record) => text(record.value));

describe('produce, line by line', () => {
  it('an empty line is an empty value, and the last line needs no newline', () => {
    expect(values(cut('%v\\n', [Buffer.from('a\n\nb')]))).toEqual(['a', '', 'b']);
    expect(values(cut('%v\\n', [Buffer.from('a\n')]))).toEqual(['a']);
    expect(cut('%v\\n', [])).toEqual([]);
  });

  it('gives the same records however the bytes are cut into chunks', () => {
    const lines = fc.array(fc.uint8Array({ maxLength: 30 }).map((bytes) => bytes.filter((byte) => byte !== 10)));
    fc.assert(
      fc.property(lines, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (wanted, sizes) => {
        const input = Buffer.concat(wanted.flatMap((line) => [line, Buffer.from('\n')]));
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < input.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          chunks.push(input.subarray(at, at + size));
          at += size;
        }
        const got = cut('%v\\n', chunks).map((record) => Buffer.from(record.value ?? []).toString('hex'));
        expect(got).toEqual(wanted.map((line) => Buffer.from(line).toString('hex')));
      }),
    );
  });

  it('takes key, value, partition and topic in any order with any text between', () => {
    const [record] = cut('%t|%p:%k\\t%v\\r\\n', [Buffer.from('orders|2:k1\tv\t1\r\n')]);
    expect([record?.topic, record?.partition, text(record?.key ?? null), text(record?.value ?? null)]).toEqual([
      'orders',
      2,
      'k1',
      'v\t1',
    ]);
  });

  it('finds a delimiter of several bytes that is split between chunks', () => {
    expect(values(cut('%v<>', [Buffer.from('a<'), Buffer.from('>b<b'), Buffer.from('<>')]))).toEqual([
      'a',
      'b<b<'.slice(0, 3),
    ]);
  });

  it('decodes hex and base64 fields, and refuses what is neither', () => {
    expect(values(cut('%k{hex} %v{base64}\\n', [Buffer.from('6b aGk=\n')]))).toEqual(['hi']);
    expect(() => cut('%v{hex}\\n', [Buffer.from('6g\n')])).toThrow(CliError);
    expect(() => cut('%v{base64}\\n', [Buffer.from('***\n')])).toThrow(CliError);
  });

  it('refuses a record longer than the limit instead of gathering without end', () => {
    expect(() => cut('%v\\n', [Buffer.alloc(600), Buffer.alloc(600)], 1000)).toThrow(/longer than 1000 bytes/);
  });

  it('refuses input that ends in the middle of a record', () => {
    expect(() => cut('%k\\t%v\\n', [Buffer.from('k1\tv1\nk2')])).toThrow(/record 2/);
  });

  it.each(['', 'x', '%v', '%k%v\\n', '%q\\n'])('the format %j is refused', (format) => {
    expect(() => compileInputFormat(format)).toThrow(CliError);
  });
});
