/**
 * A queue of jobs on two lists and a sorted set, with ioredis and no script: a worker waits for a job, and has it in a list of
 * its own until it is done, so a worker that dies loses nothing; a job that fails comes again later. Each change is one
 * atomic frame, so a job is never in two places and never in none.
 */
import assert from 'node:assert/strict';
import { Redis } from 'ioredis';

const JOBS = 20;
const url = process.argv[2] ?? 'redis://127.0.0.1:6379';
const client = new Redis(url);
const [waiting, later, done] = ['queue:waiting', 'queue:later', 'queue:done'];
await client.del(waiting, later, done, 'queue:active:1', 'queue:active:2');

const isOver = async () => (await client.scard(done)) === JOBS;

/** Jobs whose time has come wait from now on. Only one of these runs, so that none is moved twice. */
async function wakeDue() {
  while (!(await isOver())) {
    for (const job of await client.zrangebyscore(later, '-inf', Date.now())) {
      await client.multi().zrem(later, job).lpush(waiting, job).exec();
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Works until everything is done, or dies in the middle of a job. */
async function work(name, run, diesAt = Number.POSITIVE_INFINITY) {
  const active = `queue:active:${name}`;
  // A command that waits holds up its connection, so a worker has one of its own.
  const connection = client.duplicate();
  // What it was at when it died, it does first.
  while ((await connection.lmove(active, waiting, 'LEFT', 'RIGHT')) !== null);
  for (let taken = 1; !(await isOver()); ) {
    const job = await connection.blmove(waiting, active, 'RIGHT', 'LEFT', 0.05);
    if (job === null) continue;
    if (taken === diesAt) return connection.disconnect();
    taken += 1;
    const { id, attempts } = JSON.parse(job);
    try {
      await run(id, attempts);
      await client.multi().lrem(active, 1, job).sadd(done, id).exec();
    } catch {
      const again = JSON.stringify({ id, attempts: attempts + 1 });
      await client
        .multi()
        .lrem(active, 1, job)
        .zadd(later, Date.now() + 20, again)
        .exec();
    }
  }
  connection.disconnect();
}

let runs = 0;
const flaky = async (id, attempts) => {
  runs += 1;
  if (id % 3 === 0 && attempts === 0) throw new Error('not the first time');
};

for (let id = 0; id < JOBS; id += 1) await client.lpush(waiting, JSON.stringify({ id, attempts: 0 }));
await work('1', flaky, 5);
assert.equal(await client.llen('queue:active:1'), 1);
await Promise.all([wakeDue(), work('1', flaky), work('2', flaky)]);

assert.equal(await client.scard(done), JOBS);
assert.equal(await client.exists(waiting, later, 'queue:active:1', 'queue:active:2'), 0);
console.log(`${JOBS} jobs done in ${runs} runs, though a worker died and every third job failed at first`);
await client.quit();
