/** What waits for somebody else: it holds nobody up, and can be ended at any time. */
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { codeOf, drivers, ringOn } from './drivers.ts';

describe.each(drivers)('on driver %s', (driver) => {
  test('an aborted operation rejects with the reason, and the next one goes on', async () => {
    await using ring = await ringOn(driver);
    const { readable, writable } = ring.pipe();
    const ending = new AbortController();
    const read = readable.read(Buffer.alloc(10), { signal: ending.signal });
    const polled = readable.poll('readable', { signal: ending.signal });
    const reason = new Error('enough');
    setImmediate(() => ending.abort(reason));
    const [first, second] = await Promise.allSettled([read, polled]);
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'MILLRACE_ABORTED', cause: reason } });
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'MILLRACE_ABORTED' } });
    expect(await codeOf(readable.read(Buffer.alloc(10), { signal: ending.signal }))).toBe('MILLRACE_ABORTED');
    const into = Buffer.alloc(10);
    const again = readable.read(into);
    expect(await writable.write(Buffer.from('hello'))).toBe(5);
    expect(await again).toBe(5);
    expect(into.toString('utf8', 0, 5)).toBe('hello');
  });

  test('more waiting operations than threads and entries do not hold up a file', async () => {
    await using ring = await ringOn(driver, { entries: 2, threads: 1 });
    const { readable, writable } = ring.pipe();
    const ending = new AbortController();
    const waiting = Array.from({ length: 50 }, () => readable.poll('readable', { signal: ending.signal }));
    await writable.poll('writable');
    await ring.timeout(1);
    ending.abort();
    expect(await Promise.all(waiting.map(codeOf))).toEqual(Array(50).fill('MILLRACE_ABORTED'));
  });

  test('a descriptor of somebody else stays theirs, and ours outlives theirs', async () => {
    await using first = await ringOn(driver);
    await using second = await ringOn(driver);
    const { readable, writable } = first.pipe();
    expect(() => second.attach(-1)).toThrow(expect.objectContaining({ code: 'MILLRACE_OPTION' }));
    expect(() => second.attach(999_999)).toThrow(expect.objectContaining({ code: 'MILLRACE_IO', errno: 9 }));
    expect(() => second.attach(new Socket())).toThrow(expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }));
    expect(() => second.attach(new TLSSocket(new Socket()))).toThrow(
      expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }),
    );
    await writable.write(Buffer.from('x'));
    await readable.close();
    expect(await codeOf(readable.read(Buffer.alloc(1)))).toBe('MILLRACE_STALE_HANDLE');
  });

  test('a closing ring ends what waits, and refuses everything from then on', async () => {
    const ring = await ringOn(driver);
    const { readable } = ring.pipe();
    const read = codeOf(readable.read(Buffer.alloc(1)));
    const timeout = codeOf(ring.timeout(3_600_000));
    const closed = ring.close();
    expect(await Promise.all([read, timeout])).toEqual(['MILLRACE_ABORTED', 'MILLRACE_ABORTED']);
    await closed;
    await ring.close();
    expect(await codeOf(ring.nop())).toBe('MILLRACE_CLOSED');
    expect(await codeOf(readable.close())).toBe('MILLRACE_CLOSED');
    expect(() => ring.pipe()).toThrow(expect.objectContaining({ code: 'MILLRACE_CLOSED' }));
  });

  test('a turn of operations is one system call and one callback each way', async () => {
    await using ring = await ringOn(driver, { entries: 256 });
    await ring.nop();
    const before = ring.counters;
    await Promise.all(Array.from({ length: 100 }, () => ring.nop()));
    await ring.nop();
    const { enters, callbacksOut } = ring.counters;
    // Two turns: the hundred, and the one that shows the counters.
    if (driver === 'ring') expect(enters - before.enters).toBeLessThanOrEqual(4);
    if (driver === 'ring') expect(callbacksOut - before.callbacksOut).toBeLessThanOrEqual(3);
    expect(ring.counters.inFlight).toBe(0);
  });
});
