/**
 * Finds the server that coordinates a group and connects to it. A server that has just started may not know yet: it is
 * asked again for a while.
 *
 * Invariant: the connection returned is to the server that FindCoordinator named.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode } from '../broker/protocol/error-codes.ts';
import { findCoordinatorApi } from '../broker/protocol/gen/10-find-coordinator.gen.ts';
import { CliError, ExitCode } from './exit.ts';
import { check } from './kafka-names.ts';
import { type ClientOptions, openSession, type Session } from './session.ts';

const attempts = 100;
const pauseMs = 200;
const groupKey = 0;

const notYet: ReadonlySet<number> = new Set([
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.LEADER_NOT_AVAILABLE,
]);

/** Connects to the coordinator of `group`. Throws a `CliError` when none is known after 20 s. */
export async function openCoordinator(options: ClientOptions, group: string): Promise<Session> {
  await using session = await openSession(options);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { errorCode, host, port } = await session.send(findCoordinatorApi, { key: group, keyType: groupKey });
    if (errorCode === ErrorCode.NONE) return openSession({ ...options, brokers: { host, port } });
    if (!notYet.has(errorCode)) check(errorCode, `group ${group}`);
    await sleep(pauseMs);
  }
  throw new CliError(ExitCode.timeout, `group ${group}: the server knows no coordinator yet`);
}
