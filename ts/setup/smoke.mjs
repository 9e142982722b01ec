/**
 * Loads the built package, or the installed one whose folder is given, where it is meant to run and uses it once: open,
 * create, append durably, close, reopen; then a test broker for Kafka and Redis. For `npm run try:packages`, and for the release workflow, where the tests' tools are not installed.
 *
 * Invariant: a binary that loads but does not keep a record ends this with a non-zero code.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folderOfPackage = process.argv[2] ?? join(import.meta.dirname, '../..');
const entry = pathToFileURL(join(folderOfPackage, 'dist/index.js')).href;
const { openLog } = await import(entry);
const { startTestBroker } = await import(pathToFileURL(join(folderOfPackage, 'dist/testing/index.js')).href);
const folder = mkdtempSync(join(tmpdir(), 'millrace-smoke-'));
try {
  const log = await openLog(folder);
  const topic = await log.topic('smoke', { partitions: 1 });
  const result = await topic.append([{ value: Buffer.from('one') }], { durability: 'durable' });
  assert.equal(result.level, 'durable');
  await log.close();
  const again = await openLog(folder);
  const values = [];
  for await (const batch of (await again.topic('smoke')).read({ from: 'earliest' })) {
    for (const record of batch.records()) values.push(Buffer.from(record.value).toString());
    break;
  }
  assert.deepEqual(values, ['one']);
  const { driver } = again.driver;
  await again.close();
  const broker = await startTestBroker({ redis: true, topics: ['smoke'] });
  await broker.produce('smoke', [{ value: 'two' }]);
  assert.equal(String((await broker.records('smoke'))[0].value), 'two');
  await broker.close();
  process.stdout.write(`one record kept by the driver ${driver}, one by a test broker\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
