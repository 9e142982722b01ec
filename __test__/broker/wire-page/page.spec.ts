/** docs/wire/kafka.md is what the handlers, the rules and the tests are, and its claims are backed. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openHarness } from '../support/harness.ts';
import { pagePath, rulesIn, testsByRule, wirePage } from './page.ts';
import { NOT_SERVED, RULES } from './rules.ts';

describe('the page of the Kafka protocol', () => {
  it('is up to date', async () => {
    await using harness = openHarness();
    expect(existsSync(pagePath) && readFileSync(pagePath, 'utf8')).toBe(wirePage(harness.broker.table));
  });

  it('names every rule once, in order', () => {
    expect(RULES.map((rule) => rule.number)).toEqual(Array.from({ length: 54 }, (_, index) => index + 1));
  });

  it('claims a rule only where a test names it', () => {
    const tests = testsByRule();
    const untested = RULES.filter((rule) => !tests.has(rule.number));
    expect(untested.map((rule) => rule.number)).toEqual([]);
  });

  it('lists nothing as missing that is served', async () => {
    await using harness = openHarness();
    const missing = NOT_SERVED.flatMap(([what]) => [...what.matchAll(/\d+/g)].map(Number));
    expect(missing.length).toBeGreaterThan(10);
    expect(missing.filter((key) => harness.broker.table.lookup(key) !== undefined)).toEqual([]);
  });

  it('finds rules however they are listed', () => {
    const text = 'rule 5, rules 33, 34; (rules 26 and 27) Rules 37-39 but no ruler 7';
    expect([...rulesIn(text)]).toEqual([5, 33, 34, 26, 27, 37, 38, 39]);
  });
});
