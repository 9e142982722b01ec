/** A test that never ends and never lets a timer fire: what `stuck-specs.spec.ts` runs in a run of its own. */
import { test } from 'vitest';

async function spinning(): Promise<void> {
  for (;;) await undefined;
}

test('spins', spinning);
