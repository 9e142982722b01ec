/**
 * `millrace/io` and the engine on machines nobody likes: the same specs pass where io_uring is refused, memory may not be
 * locked, descriptors are few (256, most of them vitest's own), and every system call is interrupted.
 *
 * To remember: conditions are put together, so that each driver meets what concerns it and the runs stay few.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { interrupter, refusal, runUnder } from './abuse/conditions.ts';

const io = (...names: readonly string[]): string[] => names.map((name) => `__test__/io/api/${name}.spec.ts`);
const suites = [...io('batch', 'files', 'misuse', 'modes', 'sockets', 'transfer'), '__test__/io/engine.spec.ts'];
/** Vitest itself needs most of them, and hangs with 160. */
const FEW = 256;
/** Enough for many rings, whose memory counts for a while after their end, and less than the arenas of modes.spec.ts. */
const LITTLE = 3 * 2 ** 20;

const place = scratch('abuse');
let launcher = '';
let library = '';

beforeAll(() => {
  launcher = refusal();
  library = interrupter(place.path);
}, 300_000);
afterAll(() => place[Symbol.dispose]());

test.each([
  { ringRefused: 'EPERM', descriptors: FEW },
  { ringRefused: 'ENOSYS', isInterrupted: true },
  { isInterrupted: true },
  { lockedBytes: LITTLE, descriptors: FEW },
] as const)(
  'the same suites pass with %j',
  async (conditions) => {
    const specs = 'lockedBytes' in conditions ? io('misuse', 'modes') : suites;
    const ran = await runUnder(conditions, specs, { directory: place.path, launcher, library });
    expect(ran.failed, ran.printed).toBe(0);
    expect(ran.passed, ran.printed).toBeGreaterThanOrEqual(specs.length * 5);
    if ('isInterrupted' in conditions) expect(Math.min(ran.interrupts, ran.signals)).toBeGreaterThan(100);
  },
  300_000,
);
