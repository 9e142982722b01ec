/** The memory budget of replies: what is held is what is counted, and a spent budget still lets everybody go on. */
import { describe, expect, it } from 'vitest';
import { planFetch } from '../../../ts/broker/handlers/fetch-plan.ts';
import { ReplyAccount, ReplyBudget } from '../../../ts/broker/reply-budget.ts';
import type { Engine, ReadRequest, Watermarks } from '../../../ts/log/types.ts';
import { Random } from '../../support/random.ts';

describe('the budget of replies', () => {
  it('gives what is left, and nothing when it is spent', () => {
    const budget = new ReplyBudget(1000);
    expect(budget.allowance(5000)).toBe(1000);
    const release = budget.charge(700);
    expect([budget.allowance(5000), budget.allowance(100), budget.isSpent]).toEqual([300, 100, false]);
    const other = budget.charge(400);
    expect([budget.allowance(5000), budget.isSpent, budget.heldBytes]).toEqual([0, true, 1100]);
    release();
    release();
    expect([budget.allowance(5000), budget.isSpent]).toEqual([600, false]);
    other();
    expect(budget.heldBytes).toBe(0);
  });

  it('ends at nothing held when every connection has ended, whatever they said in between', () => {
    const random = new Random(3);
    const budget = new ReplyBudget(1 << 20);
    const accounts = Array.from({ length: 20 }, () => new ReplyAccount(budget));
    const held = accounts.map(() => 0);
    for (let step = 0; step < 2000; step += 1) {
      const at = Math.floor(random.fraction() * accounts.length);
      held[at] = Math.floor(random.fraction() * 100_000);
      accounts[at]?.holds(held[at] as number);
      expect(budget.heldBytes).toBe(held.reduce((sum, bytes) => sum + bytes, 0));
    }
    for (const account of accounts) account.holds(0);
    expect(budget.heldBytes).toBe(0);
  });

  it('refuses to be given back more than was charged', () => {
    expect(() => new ReplyBudget(10).move(-1)).toThrow('more bytes');
  });

  it('when spent leaves a fetch of many partitions the one batch that keeps it going (rule 26)', () => {
    const budget = new ReplyBudget(1000);
    budget.move(1000);
    const read = { partition: 1, offset: 0, maxBytes: 5000, isolation: 0, leaderEpoch: -1 };
    const reads: ReadRequest[] = [1, 2, 3].map((partition) => ({ ...read, partition }));
    const marks = reads.map(() => ({ code: 0, available: 300 }) as Watermarks);
    const engine = { readable: () => [{ code: 0, available: 300 } as Watermarks] } as unknown as Pick<
      Engine,
      'readable'
    >;
    expect(planFetch(engine, reads, marks, budget.allowance(50_000))).toEqual([300, 0, 0]);
  });
});
