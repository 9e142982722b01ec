/**
 * A little bank on a simulated disk: transfers are appended, the power goes in the middle of the work, and whatever the
 * disk made of it, no transfer that was confirmed is lost and none is there in part. One hundred power cuts, each in its
 * own way; the number of a cut that fails is all that is needed to see it again.
 */
import assert from 'node:assert/strict';
import { SimulatedDisk } from 'millrace/testing';

const CUTS = 100;

/** The program under test: confirms a transfer when it is durable. */
async function transfers(log, confirmed) {
  const topic = await log.topic('transfers', { partitions: 1 });
  for (let number = 0; ; number += 1) {
    const legs = [{ value: `${number} takes 10 from ada` }, { value: `${number} gives 10 to bob` }];
    await topic.append(legs);
    confirmed.push(number);
  }
}

async function whatIsLeft(disk) {
  const log = await disk.openLog();
  const topic = await log.topic('transfers', { partitions: 1 });
  const legs = [];
  for await (const batch of topic.read({ from: 'earliest', follow: false })) {
    for (const { value } of batch.records()) legs.push(String(value));
  }
  await log.close();
  return legs;
}

/** One life of the program, up to its power cut. Answers how many transfers survived that nobody was told of. */
async function life(disk) {
  const confirmed = [];
  const log = await disk.openLog();
  const work = transfers(log, confirmed).catch((error) => error.code);
  while (confirmed.length < 5) await new Promise((resolve) => setImmediate(resolve));
  disk.cutPower();
  assert.match(await work, /MILLRACE_(OUTCOME_UNKNOWN|CLOSED|POISONED)/);
  const legs = await whatIsLeft(disk);
  assert.equal(legs.length % 2, 0, `cut ${disk.seed}: half a transfer`);
  assert.ok(legs.length / 2 >= confirmed.length, `cut ${disk.seed}: a confirmed transfer is lost`);
  return legs.length / 2 - confirmed.length;
}

let unconfirmed = 0;
for (let seed = 1; seed <= CUTS; seed += 1) {
  const disk = new SimulatedDisk(seed);
  unconfirmed += await life(disk);
  disk[Symbol.dispose]();
}
console.log(`${CUTS} power cuts: no confirmed transfer lost; ${unconfirmed} survived without having been confirmed`);
