/** The drivers every promise of `millrace/io` is kept on, and what their tests share. */
import { randomBytes } from 'node:crypto';
import { openRing, type Ring, type RingOptions } from '../../../ts/io/api/index.ts';

export const drivers = ['ring', 'pool'] as const;
export type Driver = (typeof drivers)[number];

/** A ring on this driver and no other. */
export function ringOn(driver: Driver, options: RingOptions = {}): Promise<Ring> {
  return openRing({ ...options, driver });
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
