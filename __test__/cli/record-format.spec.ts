/** Promises of `consume -f` and of the JSON form: bytes come out as they went in. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CliError } from '../../ts/cli/exit.ts';
import type { CliRecord } from '../../ts/cli/record.ts';
import { compileRecordFormat } from '../../ts/cli/record-format.ts';
import { recordToJson } from '../../ts/cli/record-json.ts';

const record: CliRecord = {
  topic: 'orders',
  partition: 3,
  offset: 258,
  timestamp: 1_700_000_000_123,
  key: Buffer.from('k1'),
  value: Buffer.from([0xff, 0x00, 0x0a]),
  headers: [
    { key: 'a', value: Buffer.from('1') },
    { key: 'b', value: null },
  ],
  leaderEpoch: 7,
  attributes: 0b1100,
  producerId: -1,
  producerEpoch: -1,
  logStart: 1,
  lastStable: 299,
  highWatermark: 300,
};

function print(format: string, of: CliRecord = record, index = 1): Buffer {
  const out: Uint8Array[] = [];
  compileRecordFormat(format)(of, index, out);
  return Buffer.concat(out);
}

describe('consume -f', () => {
  it.each([
    ['%t/%p@%o', 'orders/3@258'],
    ['%T %K %V %H', '6 2 3 2'],
    ['%d %e %x %y', '1700000000123 7 -1 -1'],
    ['%[ %| %]', '1 299 300'],
    ['%a %a{compression} %a{timestamp-type}', '12 zstd LogAppendTime'],
    ['%h{%k:%v;}', 'a:1;b:;'],
    ['%v{hex} %v{base64} %k{hex}', 'ff000a /wAK 6b31'],
    ['%o{hex32} 100%%', '00000102 100%'],
    ['\\x41\\t\\\\%i', 'A\t\\9'],
    ['héé%k', 'héék1'],
  ])('%s prints what rpk would', (format, text) => {
    expect(print(format, record, 9).toString('utf8')).toBe(text);
  });

  it('binary numbers have the asked width and byte order', () => {
    expect([...print('%o{big16}%o{little32}%p{big8}')]).toEqual([1, 2, 2, 1, 0, 0, 3]);
    expect([...print('%x{big64}')]).toEqual(Array(8).fill(255));
  });

  it('a value that is not text passes unchanged', () => {
    expect([...print('%v')]).toEqual([0xff, 0x00, 0x0a]);
  });

  it.each(['%q', '%v{hex', '%v{upper}', '%o{big9}', '\\q', '\\x4', '%', '%a{codec}'])('%j is refused', (format) => {
    expect(() => compileRecordFormat(format)).toThrow(CliError);
  });
});

describe('consume as JSON', () => {
  const form = { metaOnly: false, pretty: false };

  it('is one object a line with the names rpk uses', () => {
    const plain = { ...record, value: Buffer.from('hello\n'), headers: [] };
    const line = recordToJson(plain, form);
    expect(line).toBe(
      '{"topic":"orders","key":"k1","value":"hello\\n","timestamp":1700000000123,"partition":3,"offset":258}\n',
    );
  });

  it('gives any bytes back exactly', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const line = JSON.parse(recordToJson({ ...record, value: bytes }, form));
        const back = Buffer.from(line.value, line.valueEncoding ?? 'utf8');
        expect(Buffer.compare(back, bytes)).toBe(0);
      }),
    );
  });

  it('keeps null apart from empty, and leaves a null key out', () => {
    expect(JSON.parse(recordToJson({ ...record, key: null, value: null }, form))).toMatchObject({ value: null });
    expect(JSON.parse(recordToJson({ ...record, key: null }, form))).not.toHaveProperty('key');
    expect(JSON.parse(recordToJson({ ...record, key: new Uint8Array(0) }, form))).toHaveProperty('key', '');
  });

  it('says the size in place of the value when only metadata is asked for', () => {
    const line = JSON.parse(recordToJson(record, { metaOnly: true, pretty: true }));
    expect(line.valueSize).toBe(3);
    expect(line).not.toHaveProperty('value');
  });
});
