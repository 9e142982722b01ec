/**
 * The `globalTeardown` for jest that belongs to `millrace/testing/jest-setup`.
 *
 * To remember: without a set-up before it, it does nothing.
 */

import type { TestBroker } from './test-broker.ts';

/** What set-up left here. */
const shared = globalThis as { millraceTestBroker?: TestBroker | undefined };

// biome-ignore lint/style/noDefaultExport: jest takes nothing else
export default async function teardown(): Promise<void> {
  await shared.millraceTestBroker?.close();
  shared.millraceTestBroker = undefined;
}
