/**
 * A consumer that counts words exactly once: what it has counted lies in a store, how far it has read is a committed
 * offset, and what it tells others is a record; all three are one atomic frame of one journal. The program is killed by a
 * power cut in the middle of its work, again and again, and in the end every word is counted once.
 */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKv, openLog } from 'millrace';

const WORDS = 300;
const VOCABULARY = ['ada', 'bob', 'cy'];

// A simulated disk, so that the power can be cut; leave `sim` out and it is a real one.
const dir = join(mkdtempSync(join(tmpdir(), 'millrace-')), 'data');
const open = (seed) => ({ sim: { seed, id: dir }, flush: 'always' });

/** One life of the consumer; it ends when the power goes, or when everything is counted. */
async function count(log, kv, isOver) {
  const words = await log.topic('words', { partitions: 1 });
  const changes = await log.topic('changes', { partitions: 1 });
  for await (const batch of words.read({ group: 'counter', onMissing: 'earliest', follow: false, maxBytes: 256 })) {
    const counts = new Map();
    for (const { value } of batch.records()) {
      const word = String(value);
      counts.set(word, (counts.get(word) ?? (await kv.get(word)) ?? 0) + 1);
    }
    const frame = kv.batch();
    for (const [word, times] of counts) frame.put(word, times);
    frame.append(
      changes,
      [...counts].map(([key, times]) => ({ key, value: String(times) })),
    );
    frame.commit(batch);
    await frame.write();
    if (isOver()) return;
  }
}

async function lastChanges(log) {
  const changes = await log.topic('changes', { partitions: 1 });
  const last = new Map();
  for await (const batch of changes.read({ from: 'earliest', follow: false })) {
    for (const { key, value } of batch.records()) last.set(String(key), Number(value));
  }
  return last;
}

let lives = 0;
{
  await using log = await openLog(dir, open(0));
  const words = await log.topic('words', { partitions: 1 });
  for (let index = 0; index < WORDS; index += 5) {
    const five = Array.from({ length: 5 }, (_, at) => ({ value: VOCABULARY[(index + at) % VOCABULARY.length] }));
    await words.append(five);
  }
}

for (;;) {
  lives += 1;
  const log = await openLog(dir, open(lives));
  const kv = await openKv(dir, { ...open(lives), valueEncoding: 'json' });
  const counted = VOCABULARY.map((word) => kv.getSync(word) ?? 0);
  const told = await lastChanges(log);
  // Store and topic always agree: they are written together.
  assert.deepEqual(
    VOCABULARY.map((word) => told.get(word) ?? 0),
    counted,
  );
  if (counted.reduce((sum, times) => sum + times, 0) === WORDS) {
    await kv.close();
    await log.close();
    assert.deepEqual(counted, [100, 100, 100]);
    console.log(`${WORDS} words counted exactly once in ${lives} lives: ${counted.join(', ')}`);
    break;
  }
  // The power goes in the middle of this life's work, after a different number of frames in each.
  let frames = 1 + (lives % 3);
  const work = count(log, kv, () => {
    frames -= 1;
    if (frames === 0) kv.engine.cutPower();
    return false;
  });
  await work.catch((error) => assert.match(error.code, /MILLRACE_(OUTCOME_UNKNOWN|CLOSED|POISONED)/));
  await kv.close().catch(() => {});
  await log.close().catch(() => {});
}
