/** The drivers every promise of `millrace/io` is kept on, and what their tests share. */
import { randomBytes } from 'node:crypto';
import { openRing, type Ring, type RingOptions } from '../../../ts/io/api/index.ts';
import { driversHere, expectRefusal } from '../../support/hardship.ts';

export const drivers = driversHere('ring', 'pool');
export type Driver = (typeof drivers)[number];

/** A ring on this driver and no other. */
export async function ringOn(driver: Driver, options: RingOptions = {}): Promise<Ring> {
  const ring = await openRing({ ...options, driver });
  if (driver === 'auto') expectRefusal(ring.driver.driver, ring.driver.reason);
  return ring;
}

/** The code a promise is rejected with; `resolved` when it is not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

/** So many bytes that are not all alike. */
export function someBytes(length: number): Buffer {
  return randomBytes(length);
}
