/** Promises of the progress line: only for a person at a terminal, and gone when the work has ended. */
import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Progress } from '../../ts/cli/progress.ts';
import type { Terminal } from '../../ts/cli/terminal.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A terminal, or a pipe, and what was written to its stderr. */
function open(isTTY: boolean): { terminal: Terminal; written: () => string } {
  let text = '';
  const stderr = Object.assign(
    new Writable({
      write(chunk, _encoding, done) {
        text += String(chunk);
        done();
      },
    }),
    { isTTY },
  );
  return { terminal: { stdin: new PassThrough(), stdout: new PassThrough(), stderr }, written: () => text };
}

describe('progress', () => {
  it('draws one line again and again on a terminal, and wipes it at the end', () => {
    const { terminal, written } = open(true);
    let count = 0;
    const progress = new Progress(terminal, () => `${++count} records`, true);
    vi.advanceTimersByTime(450);
    expect(written()).toBe('\r\u001b[2K1 records\r\u001b[2K2 records');
    progress[Symbol.dispose]();
    expect(written().endsWith('2 records\r\u001b[2K')).toBe(true);
    vi.advanceTimersByTime(1000);
    expect(count).toBe(2);
  });

  it.each([
    ['a pipe', false, true],
    ['a terminal under --no-progress', true, false],
  ])('writes nothing to %s', (_name, isTTY, wanted) => {
    const { terminal, written } = open(isTTY);
    const progress = new Progress(terminal, () => 'records', wanted);
    vi.advanceTimersByTime(1000);
    progress[Symbol.dispose]();
    expect(written()).toBe('');
  });

  it('leaves nothing of a command that ends at once', () => {
    const { terminal, written } = open(true);
    new Progress(terminal, () => 'records', true)[Symbol.dispose]();
    expect(written()).toBe('');
  });
});
