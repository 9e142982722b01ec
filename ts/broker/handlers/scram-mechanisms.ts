/** Kafka's numbers of SCRAM mechanisms, as the APIs for users' credentials have them. */

import type { ScramMechanism } from '../security/scram.ts';

export const SCRAM_NUMBERS: Readonly<Record<ScramMechanism, number>> = { 'SCRAM-SHA-256': 1, 'SCRAM-SHA-512': 2 };

/** The mechanism of a number; undefined for a number that is none. */
export function scramMechanism(number: number): ScramMechanism | undefined {
  if (number === SCRAM_NUMBERS['SCRAM-SHA-256']) return 'SCRAM-SHA-256';
  return number === SCRAM_NUMBERS['SCRAM-SHA-512'] ? 'SCRAM-SHA-512' : undefined;
}
