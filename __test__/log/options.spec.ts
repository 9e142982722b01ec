/** Options: units, limits, and mistakes that are named. */

import { describe, expect, test } from 'vitest';
import { describeFlush, describeLoss, parseFlush, parseFlushText, presets } from '../../ts/durability.ts';
import { describeErrors, MillraceError } from '../../ts/errors.ts';
import { fromCode, fromNative } from '../../ts/io/native-error.ts';
import { Code } from '../../ts/io/native-types.ts';
import { decideOptions, sizeOptions } from '../../ts/options.ts';
import { parseDuration, parseSize } from '../../ts/units.ts';

const option = expect.objectContaining({ code: 'MILLRACE_OPTION' });

describe('units', () => {
  test.each([
    ['64mb', 64 * 1024 * 1024],
    ['1gb', 1024 ** 3],
    ['4096', 4096],
    ['1.5kb', 1536],
    [512, 512],
  ])('%s is %i bytes', (given, bytes) => {
    expect(parseSize('x', given)).toBe(bytes);
  });

  test.each([
    ['100ms', 100],
    ['5s', 5000],
    ['2m', 120_000],
    [250, 250],
  ])('%s is %i ms', (given, ms) => {
    expect(parseDuration('x', given)).toBe(ms);
  });

  test.each(['', 'much', '5 parsecs', '-1', '1e99', 'mb'])('%j is refused', (given) => {
    expect(() => parseSize('x', given)).toThrow(option);
    expect(() => parseDuration('x', given)).toThrow(option);
  });
});

describe('flush policies', () => {
  test.each([
    ['always', 'always'],
    ['os', 'os'],
    ['records=10', { records: 10 }],
    ['interval=100ms', { intervalMs: 100 }],
    ['bytes=1mb,interval=1s', { bytes: 1024 * 1024, intervalMs: 1000 }],
  ])('%s is understood, and described so that it is understood again', (text, policy) => {
    expect(parseFlushText(text)).toEqual(policy);
    expect(parseFlushText(describeFlush(parseFlushText(text)))).toEqual(policy);
  });

  test.each(['sometimes', 'records', 'records=0', 'records=1.5', 'interval=', 'pages=3'])('%s is refused', (text) => {
    expect(() => parseFlushText(text)).toThrow(option);
  });

  test('a policy object without any limit is refused rather than taken for never', () => {
    expect(() => parseFlush({})).toThrow(option);
  });

  test('a durable level loses nothing under any policy, and every other pair names its loss', () => {
    for (const policy of ['always', 'os', { records: 5 }] as const) {
      expect(describeLoss(policy, 'durable')).toBe('a power cut loses nothing acknowledged');
      expect(describeLoss(policy, 'written')).not.toMatch(/nothing/);
      expect(describeLoss(policy, 'memory')).toMatch(/kill -9/);
    }
    expect(describeLoss({ records: 5, intervalMs: 100 }, 'written')).toMatch(/5 records or the last 100 ms/);
  });

  test('every preset says what each kind of crash may lose', () => {
    for (const preset of presets) {
      expect(preset.killLoses === 'nothing acknowledged').toBe(preset.durability !== 'memory');
      expect(preset.powerCutLoses === 'nothing acknowledged').toBe(preset.durability === 'durable');
    }
  });
});

describe('options', () => {
  test('what is left out is decided here, within its own limits', () => {
    const { native } = decideOptions('/tmp/x', {});
    for (const { name, least, most } of sizeOptions) {
      expect(native[name]).toBeGreaterThanOrEqual(least);
      expect(native[name]).toBeLessThanOrEqual(most);
    }
    expect(native).toMatchObject({ driver: 'auto', flushAlways: true });
  });

  test('an unknown option is refused with the nearest name', () => {
    const mistaken = { segmentByte: 5 } as object;
    expect(() => decideOptions('/tmp/x', mistaken)).toThrow(/segmentBytes/);
  });

  test.each([
    ['a size below its limit', { memoryBytes: '1mb' }],
    ['a size above its limit', { segmentBytes: '9gb' }],
    ['a driver that does not exist', { driver: 'disk' as 'pool' }],
    ['a simulated driver without a seed', { driver: 'sim' as const }],
    ['too few journal files', { journalFiles: 2 }],
    ['a durability that does not exist', { durability: 'always' as 'durable' }],
  ])('%s is refused', (_, options) => {
    expect(() => decideOptions('/tmp/x', options)).toThrow(option);
  });

  test.each(['', 'a\0b'])('directory %j is refused', (dir) => {
    expect(() => decideOptions(dir, {})).toThrow(option);
  });
});

describe('errors', () => {
  test('every engine code has an error, and every error says what to do', () => {
    for (const code of Object.values(Code)) expect(fromCode(code)).toBeInstanceOf(MillraceError);
    for (const { remedy, message } of describeErrors()) expect(remedy.length > 0 && message.length > 0).toBe(true);
  });

  test('an unknown outcome is never retriable', () => {
    expect(new MillraceError('MILLRACE_OUTCOME_UNKNOWN').retriable).toBe(false);
    expect(new MillraceError('MILLRACE_POISONED').retriable).toBe(false);
  });

  test('what the addon throws becomes a typed error with errno and path; anything else passes through', () => {
    const thrown = Object.assign(new Error('28 write journal/1: no space'), { code: 'NO_SPACE' });
    expect(fromNative(thrown, '/data')).toMatchObject({
      code: 'MILLRACE_NO_SPACE',
      errno: 28,
      path: '/data',
      cause: thrown,
    });
    const other = new TypeError('something else');
    expect(fromNative(other)).toBe(other);
  });
});
