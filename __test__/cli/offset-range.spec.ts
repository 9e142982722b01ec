/** Promises of `consume -o`: rpk's offset grammar means here what it means there. */
import { describe, expect, it } from 'vitest';
import { CliError, ExitCode } from '../../ts/cli/exit.ts';
import { parseOffsetRange } from '../../ts/cli/offset-range.ts';

const now = Date.parse('2026-11-21T12:00:00Z');
const parse = (text: string) => parseOffsetRange(text, now);

describe('consume -o', () => {
  it.each([
    ['start', { from: { kind: 'start' } }],
    ['end', { from: { kind: 'end' } }],
    ['47', { from: { kind: 'offset', offset: 47 } }],
    ['+2', { from: { kind: 'afterStart', count: 2 } }],
    ['-3', { from: { kind: 'beforeEnd', count: 3 } }],
    [':end', { from: { kind: 'start' }, until: { kind: 'end' } }],
    [':47', { from: { kind: 'start' }, until: { kind: 'offset', offset: 47 } }],
    ['10:47', { from: { kind: 'offset', offset: 10 }, until: { kind: 'offset', offset: 47 } }],
    ['10:', { from: { kind: 'offset', offset: 10 } }],
    ['-3:end', { from: { kind: 'beforeEnd', count: 3 }, until: { kind: 'end' } }],
  ])('%s is a place in a partition, or two', (text, range) => {
    expect(parse(text)).toEqual(range);
  });

  it.each([
    ['@1700000000', 1_700_000_000_000],
    ['@1700000000123', 1_700_000_000_123],
    ['@2026-11-21', Date.parse('2026-11-21T00:00:00Z')],
    ['@2026-11-21T10:30:00Z', Date.parse('2026-11-21T10:30:00Z')],
    ['@2026-11-21T10:30:00.250+02:00', Date.parse('2026-11-21T08:30:00.250Z')],
    ['@-1h30m', now - 90 * 60_000],
  ])('%s is a moment', (text, ms) => {
    expect(parse(text)).toEqual({ from: { kind: 'time', ms } });
  });

  it('the colons inside RFC 3339 do not end the first moment of a range', () => {
    expect(parse('@2026-11-21T10:30:00Z:2026-11-21T10:31:00Z')).toEqual({
      from: { kind: 'time', ms: Date.parse('2026-11-21T10:30:00Z') },
      until: { kind: 'time', ms: Date.parse('2026-11-21T10:31:00Z') },
    });
  });

  it('a range of times may end at what is the end now, or begin at the start', () => {
    expect(parse('@-1h:end').until).toEqual({ kind: 'end' });
    expect(parse('@:-1h')).toEqual({ from: { kind: 'start' }, until: { kind: 'time', ms: now - 3_600_000 } });
  });

  it.each(['', '-', '1.5', '4x', '@', '@yesterday', '@2026-13-41', '@-1h:', '10:x', '9007199254740993', '@-1h;2'])(
    '%j is refused as a usage error',
    (text) => {
      expect(() => parse(text)).toThrow(CliError);
      expect(() => parse(text)).toThrow(expect.objectContaining({ exitCode: ExitCode.usage }));
    },
  );
});
