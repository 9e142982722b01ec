/** The table of clients says what is run, no more. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { missingClaims } from './capabilities.ts';
import { conformancePage, missingProofs } from './table.ts';

describe('docs/conformance.md', () => {
  it('names tests that are there', () => {
    expect(missingProofs()).toEqual([]);
    expect(missingClaims()).toEqual([]);
  });

  it('is the page that is generated', () => {
    const path = join(import.meta.dirname, '../../../../docs/conformance.md');
    expect(readFileSync(path, 'utf8')).toBe(conformancePage());
  });
});
