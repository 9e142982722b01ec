/** The recorded answers of Apache Kafka: one line an answer, to be read and reviewed as text. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparable } from './comparable.ts';
import type { Told } from './player.ts';

export const transcriptPath = join(import.meta.dirname, 'kafka-4.3.0.txt');
/** The same for somebody who may not do everything (secured.ts). */
export const securedTranscriptPath = join(import.meta.dirname, 'kafka-4.3.0-secured.txt');

/** `step vN | Api | answer as JSON`. */
export function transcriptText(told: readonly Told[]): string {
  return told.map(({ at, api, answer }) => `${at} | ${api} | ${JSON.stringify(answer)}\n`).join('');
}

export function readTranscript(path: string = transcriptPath): Told[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [at = '', api = '', ...rest] = line.split(' | ');
    return { at, api, answer: JSON.parse(rest.join(' | ')) as Comparable };
  });
}
