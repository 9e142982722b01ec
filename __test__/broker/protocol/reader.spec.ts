/** Hostile inputs 6 and 7 of the reliability requirements, at the level of one primitive. */

import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../../ts/broker/protocol/protocol-error.ts';
import { Reader } from '../../../ts/broker/protocol/reader.ts';
import { decodeUtf8, isWellFormed } from '../../../ts/broker/protocol/utf8.ts';
import { Random } from '../../support/random.ts';

function reader(hex: string, maxItems?: number): Reader {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return new Reader(bytes, 0, bytes.length, maxItems);
}

describe('varuint', () => {
  test.each([
    ['00', 0],
    ['7f', 127],
    ['80 01', 128],
    ['ff 7f', 16383],
    ['ff ff ff ff 0f', 0xffffffff],
  ])('%s is %i', (hex, value) => {
    expect(reader(hex).varuint()).toBe(value);
  });

  test.each([
    ['input 7: ten 0xff', 'ff ff ff ff ff ff ff ff ff ff'],
    ['more than 32 bits', 'ff ff ff ff 10'],
    ['input 7: an overlong zero', '80 00'],
    ['an overlong one', '81 80 00'],
    ['an unfinished one', 'ff ff'],
    ['nothing', ''],
  ])('%s is refused', (_what, hex) => {
    expect(() => reader(hex).varuint()).toThrow(ProtocolError);
  });
});

describe('counts', () => {
  test.each([
    ['input 6: INT_MAX', '7fffffff 00000000', false],
    ['input 6: -2', 'fffffffe 00000000', false],
    ['input 6: null where null is not allowed', 'ffffffff 00000000', false],
    ['input 6: one more than the bytes left', '00000003 00000000 00000000', false],
    ['input 7: compact, length + 1 overflows', 'ffffffff0f 00', true],
    ['compact null where null is not allowed', '00 00', true],
    ['compact, more than the bytes left', '04 00000000 00000000', true],
  ])('%s is refused before anything is allocated', (_what, hex, flexible) => {
    expect(() => reader(hex).count(flexible, 4)).toThrow(ProtocolError);
  });

  test('a null array is -1 where null is allowed', () => {
    expect(reader('ffffffff').nullableCount(false, 4)).toBe(-1);
    expect(reader('00').nullableCount(true, 4)).toBe(-1);
  });

  test('input 8: the elements of all arrays together are bounded', () => {
    const one = reader('00000003 00 00 00 00000003 00 00 00', 5);
    expect(one.count(false, 1)).toBe(3);
    one.position += 3;
    expect(() => one.count(false, 1)).toThrow('too many elements');
  });

  test('tagged fields count as elements too', () => {
    expect(() => reader('03 00 00 00 00 00 00', 2).skipTags()).toThrow('too many elements');
  });
});

describe('int64', () => {
  test.each([
    ['0000000000000000', 0],
    ['ffffffffffffffff', -1],
    ['001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['ffe0000000000001', Number.MIN_SAFE_INTEGER],
  ])('%s is %i', (hex, value) => {
    expect(reader(hex).int64()).toBe(value);
    expect(reader(hex).bigint64()).toBe(BigInt(value));
  });

  test.each(['0020000000000000', 'ffe0000000000000', '7fffffffffffffff', '8000000000000000'])(
    '%s is refused as a number, never rounded, and exact as a bigint',
    (hex) => {
      expect(() => reader(hex).int64()).toThrow(ProtocolError);
      expect(reader(hex).bigint64()).toBe(BigInt.asIntN(64, BigInt(`0x${hex}`)));
    },
  );
});

describe('strings', () => {
  test.each([
    ['a null string where null is not allowed', 'ffff', false],
    ['a length of -2', 'fffe', false],
    ['a length beyond the end', '0005 6162', false],
    ['a compact length beyond the end', '06 6162', true],
  ])('%s is refused', (_what, hex, flexible) => {
    expect(() => reader(hex).string(flexible)).toThrow(ProtocolError);
  });

  test.each([
    ['a lone continuation byte', '80', '\udc80'],
    ['an overlong slash', 'c0af', '\udcc0\udcaf'],
    ['a surrogate', 'eda080', '\udced\udca0\udc80'],
    ['a cut-off sequence before a letter', 'e29c61', '\udce2\udc9ca'],
    ['a byte between good text', 'c3b6ffc3b6', 'ö\udcffö'],
    ['a code point beyond the last', 'f4908080', '\udcf4\udc90\udc80\udc80'],
  ])('%s becomes a text of its own that is not well formed', (_what, hex, expected) => {
    const head = Buffer.alloc(2);
    head.writeInt16BE(hex.length / 2);
    const text = new Reader(Buffer.concat([head, Buffer.from(hex, 'hex')])).string(false);
    expect(text).toBe(expected);
    expect(isWellFormed(text)).toBe(false);
  });

  test('no two byte strings of two bytes become the same text', () => {
    const texts = new Set<string>();
    for (let pair = 0; pair < 0x10000; pair += 1) texts.add(decodeUtf8(Uint8Array.of(pair >> 8, pair), 0, 2));
    expect(texts.size).toBe(0x10000);
  });

  test('any bytes are escaped exactly where the strict decoder refuses them', () => {
    const random = new Random(7);
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    for (let round = 0; round < 3000; round += 1) {
      const bytes = Uint8Array.from({ length: 6 }, () => 0x70 + Math.floor(random.fraction() * 0x90));
      const text = decodeUtf8(bytes, 0, bytes.length);
      const back = [...text].flatMap((c) => (isWellFormed(c) ? [...Buffer.from(c)] : [c.charCodeAt(0) - 0xdc00]));
      expect(back).toEqual([...bytes]);
      const lenient = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
      const kept = [...text].filter(isWellFormed).join('');
      expect(kept).toBe(lenient.replaceAll('\ufffd', ''));
      expect(isWellFormed(text)).toBe(lenient === kept && strict.decode(Buffer.from(kept)) === kept);
    }
  });

  test.each(['', 'a', 'größe', '✓'.repeat(100), 'x'.repeat(5000), '\ufefftext', '😀'])(
    '%j is read as it was written',
    (text) => {
      const bytes = Buffer.from(text);
      const head = Buffer.alloc(2);
      head.writeInt16BE(bytes.length);
      const whole = Buffer.concat([head, bytes]);
      expect(new Reader(whole).string(false)).toBe(text);
    },
  );
});

test('bytes are views of the message, not copies', () => {
  const bytes = Buffer.from('00000002aabb', 'hex');
  const view = new Reader(bytes).byteView(false);
  expect(view.buffer).toBe(bytes.buffer);
  expect(view.byteOffset).toBe(bytes.byteOffset + 4);
});

test('a tagged field that is longer or shorter than it claims is refused', () => {
  const longer = reader('02 aabb');
  const end = longer.tagEnd();
  longer.int8();
  expect(() => longer.closeTag(end)).toThrow(ProtocolError);
  expect(() => reader('05 aabb').tagEnd()).toThrow(ProtocolError);
});

test('a window of a larger buffer ends at its own end', () => {
  const inner = new Reader(Buffer.from('0000000100000002', 'hex'), 0, 4);
  expect(inner.int32()).toBe(1);
  expect(() => inner.int8()).toThrow(ProtocolError);
});
