/**
 * A `globalSetup` for vitest: one test broker for the whole run. In vitest.config: `globalSetup: ['millrace/testing/vitest']`.
 *
 * To remember: tests find it as `inject('millrace').brokers`, and in the environment as MILLRACE_TEST_BROKERS. Workers are
 * other processes, so faults cannot be thrown from there: a test that wants them starts a broker of its own.
 */

import type {} from 'vitest';
import { startTestBroker, type TestBroker } from './test-broker.ts';

/** What tests can inject. */
export interface ProvidedBroker {
  readonly brokers: string[];
}

declare module 'vitest' {
  // For `inject`, where this file is referred to: vitest asks for types by merging.
  export interface ProvidedContext {
    millrace: ProvidedBroker;
  }
}

/** The part of vitest's project that is used. */
interface Project {
  provide(key: 'millrace', value: ProvidedBroker): void;
}

/** Where clients in the workers find the broker: `host:port`. */
export const BROKERS_VARIABLE = 'MILLRACE_TEST_BROKERS';

let broker: TestBroker | undefined;

/** Starts the broker before the first test. */
export async function setup(project: Project): Promise<void> {
  broker = await startTestBroker();
  process.env[BROKERS_VARIABLE] = broker.bootstrapServers;
  project.provide('millrace', { brokers: broker.brokers });
}

/** Stops it behind the last one. */
export async function teardown(): Promise<void> {
  delete process.env[BROKERS_VARIABLE];
  await broker?.close();
  broker = undefined;
}
