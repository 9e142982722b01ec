/**
 * Under which hardships this process runs (__test__/io/abuse/conditions.ts imposes them and says so): whether io_uring is
 * refused, and with which error; whether no memory may be locked. Suites for several drivers take the one that is chosen then.
 *
 * To remember: nothing is refused here; a driver that is not the pool, or does not say why, is a failure.
 */
import { expect } from 'vitest';

/** The error's name, or undefined where io_uring is what it is. */
export const ringRefusal: string | undefined = process.env.MILLRACE_RING_REFUSED;

/** How it ends when memory is registered with a ring: as it does, or refused with the reason. */
export const registration: { readonly available: boolean; readonly reason: string } =
  process.env.MILLRACE_MEMLOCK_SHORT === '1'
    ? { available: false, reason: 'RLIMIT_MEMLOCK is too small' }
    : { available: true, reason: 'registered' };

/** The drivers to test: these, or only what is chosen where there is no ring. */
export function driversHere<Driver extends string>(...drivers: readonly Driver[]): readonly (Driver | 'auto')[] {
  return ringRefusal === undefined ? drivers : ['auto'];
}

/** What was chosen must be the pool, for the reason that io_uring was refused with this error. */
export function expectRefusal(driver: string, reason: string): void {
  expect(driver).toBe('pool');
  expect(reason).toContain(`io_uring refused with ${ringRefusal}`);
}
