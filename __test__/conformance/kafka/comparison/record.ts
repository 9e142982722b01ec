/**
 * Records Apache Kafka's answers anew: `npx tsx __test__/conformance/kafka/comparison/record.ts`, with `--secured` only those
 * to somebody who may not do everything, with `--open` only the others. Needs Java; brings the
 * jars with Maven when they are not there. The test itself needs neither.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka } from '../../../../benches/rivals/kafka.ts';
import { play, type Told } from './player.ts';
import { playSecured, USERS } from './secured.ts';
import { securedTranscriptPath, transcriptPath, transcriptText } from './transcript.ts';

/** How long a change takes at most until all parts of Kafka know. */
const SETTLE_MS = 400;

/** Members of the newer groups are assigned by the heartbeat that asks for it, as by us. */
const AT_ONCE = ['group.consumer.assignment.interval.ms=0'];

/** Runs a broker of its own for each of both; `tell` plays. */
async function record(
  path: string,
  users: typeof USERS | undefined,
  tell: (address: string) => Promise<Told[]>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-comparison-'));
  const secured = users === undefined ? {} : { users };
  const kafka = await startKafka({ directory, flushEveryMessage: false, settings: AT_ONCE, ...secured });
  try {
    const told = await tell(kafka.loginAddress ?? kafka.address);
    writeFileSync(path, transcriptText(told));
    process.stdout.write(`${told.length} answers\n`);
  } finally {
    await kafka.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

const which = process.argv[2];
if (which !== '--secured') await record(transcriptPath, undefined, (address) => play(address, { settleMs: SETTLE_MS }));
if (which !== '--open') await record(securedTranscriptPath, USERS, (address) => playSecured(address, SETTLE_MS));
