/**
 * A `globalSetup` for jest: one test broker for the whole run. In jest.config: `globalSetup: 'millrace/testing/jest-setup'`
 * and `globalTeardown: 'millrace/testing/jest-teardown'`.
 *
 * To remember: tests find it in the environment as MILLRACE_TEST_BROKERS; workers are other processes.
 */

import { startTestBroker, type TestBroker } from './test-broker.ts';

/** Where clients in the workers find the broker: `host:port`. */
const BROKERS_VARIABLE = 'MILLRACE_TEST_BROKERS';

/** Jest runs set-up and teardown in one process, each as a module of its own: this is what they share. */
const shared = globalThis as { millraceTestBroker?: TestBroker | undefined };

// biome-ignore lint/style/noDefaultExport: jest takes nothing else
export default async function setup(): Promise<void> {
  shared.millraceTestBroker = await startTestBroker();
  process.env[BROKERS_VARIABLE] = shared.millraceTestBroker.bootstrapServers;
}
