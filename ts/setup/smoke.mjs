/**
 * Loads the built package, or the installed one whose folder is given, where it is meant to run and uses it once: open,
 * create, append durably, close, reopen. For the release workflow, where the tests' tools are not installed.
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
  await again.close();
  process.stdout.write('smoke: one record kept\n');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
