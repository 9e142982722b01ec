/**
 * Records Apache Kafka's answers anew: `npx tsx __test__/conformance/kafka/comparison/record.ts`. Needs Java; brings the
 * jars with Maven when they are not there. The test itself needs neither.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka } from '../../../../benches/rivals/kafka.ts';
import { play } from './player.ts';
import { transcriptPath, transcriptText } from './transcript.ts';

/** How long a change takes at most until all parts of Kafka know. */
const SETTLE_MS = 400;

/** Members of the newer groups are assigned by the heartbeat that asks for it, as by us. */
const AT_ONCE = ['group.consumer.assignment.interval.ms=0'];

const directory = mkdtempSync(join(tmpdir(), 'millrace-comparison-'));
const kafka = await startKafka({ directory, flushEveryMessage: false, settings: AT_ONCE });
try {
  const told = await play(kafka.address, { settleMs: SETTLE_MS });
  writeFileSync(transcriptPath, transcriptText(told));
  process.stdout.write(`${told.length} answers\n`);
} finally {
  await kafka.stop();
  rmSync(directory, { recursive: true, force: true });
}
