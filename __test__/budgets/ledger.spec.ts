/**
 * The ledger's counts stay: what one request of each kind costs in crossings, enters, commits, copies and memory, as
 * docs/performance.md tells it. Times are not judged here, `npx tsx benches/ledger.ts` takes them.
 *
 * To remember: one request at a time, and the least of several windows; so neither a slow machine nor what the process does
 * besides can add to a count.
 */
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Line, measure } from '../../benches/ledger/measure.ts';
import { Subject } from '../../benches/ledger/subject.ts';
import { works } from '../../benches/ledger/works.ts';

/** At most so much of each, for one request alone: what is counted, and half of one, so that one more is too many. */
interface Budget {
  /** Calls into the addon and callbacks out of it. */
  readonly crossings: number;
  readonly enters: number;
  readonly commits: number;
  /** Bytes that the addon copies. */
  readonly copied: number;
  /** Bytes of V8's heap: some times what the ledger says, because code that is made better meanwhile lies there too. */
  readonly heap: number;
}

const budgets: Readonly<Record<string, Budget>> = {
  produce: { crossings: 4.5, enters: 3.5, commits: 1, copied: 1200, heap: 64_000 },
  fetch: { crossings: 3.5, enters: 1.5, commits: 0, copied: 100, heap: 64_000 },
  'KV get': { crossings: 1, enters: 0, commits: 0, copied: 0, heap: 20_000 },
  'KV put': { crossings: 2.5, enters: 1.5, commits: 1, copied: 120, heap: 64_000 },
  'RESP GET': { crossings: 3.5, enters: 1.5, commits: 0, copied: 120, heap: 64_000 },
  'RESP SET': { crossings: 5.5, enters: 3.5, commits: 1, copied: 120, heap: 64_000 },
  'group heartbeat': { crossings: 2.5, enters: 1.5, commits: 0, copied: 20, heap: 32_000 },
};

let subject: Subject;

beforeAll(async () => {
  subject = await Subject.start(tmpdir(), false);
});
afterAll(() => subject[Symbol.asyncDispose]());

async function alone(name: string): Promise<Line> {
  const work = works.find((one) => one.name === name);
  if (work === undefined) throw new Error(`the ledger has no ${name}`);
  using running = await work.open(subject, 1);
  return await measure(subject, running, { warmUp: 100, windows: 10, operations: 10 });
}

test.each(Object.keys(budgets))(
  'a %s costs no more than the ledger says',
  async (name) => {
    const budget = budgets[name] as Budget;
    const { callsIn, callbacksOut, enters, commits, copied, heap } = await alone(name);
    const spent = { crossings: callsIn + callbacksOut, enters, commits, copied, heap };
    for (const [what, most] of Object.entries(budget)) {
      expect(spent[what as keyof Budget], `${what} of one ${name}: ${JSON.stringify(spent)}`).toBeLessThanOrEqual(most);
    }
  },
  120_000,
);

test('every kind of work in the ledger has its budget', () => {
  expect(works.map(({ name }) => name).sort()).toEqual(Object.keys(budgets).sort());
});
