/**
 * A queue of jobs as BullMQ has them (priorities, delays, retries with backoff, workers that may die, a feed of events) on
 * the log and the store of one directory, inside the process. Every step of a job is one atomic frame: its new state, its
 * place in the order, what it has produced, and the event that tells of it. So the power may be cut anywhere, and no job is
 * lost, done twice, or done without its event.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKv, openLog } from 'millrace';

/** Keys of a store are in order, so the order of work is the order of keys: numbers of equal length, the smaller first. */
const number = (value) => String(value).padStart(16, '0');

class Queue {
  static async open(dir, options) {
    const log = await openLog(dir, options);
    const kv = await openKv(dir, { ...options, valueEncoding: 'json' });
    return new Queue(log, kv, await log.topic('job-events', { partitions: 1 }));
  }

  constructor(log, kv, events) {
    Object.assign(this, { log, kv, events });
  }

  /** Adds a job under an id of its own; false when it is there already, so adding again after a crash is harmless. */
  add(id, data, { priority = 5, delayMs = 0, attempts = 3 } = {}) {
    const place = delayMs > 0 ? `later:${number(Date.now() + delayMs)}:${id}` : `ready:${number(priority)}:${id}`;
    const job = { id, data, priority, attempts, tried: 0, place };
    const frame = this.kv.batch().put(`job:${id}`, job, { ifAbsent: true }).put(place, id);
    return this.#tell(frame, 'added', job).write();
  }

  /** The next job, which nobody else gets; undefined when none is ready. */
  async take() {
    await this.#wakeDue();
    for await (const [place, id] of this.kv.entries({ prefix: 'ready:' })) {
      const { value: job, sequence } = await this.kv.getEntry(`job:${id}`);
      const taken = { ...job, tried: job.tried + 1, place: `active:${id}` };
      const frame = this.kv.batch().put(`job:${id}`, taken, { ifSeq: sequence }).del(place).put(taken.place, id);
      // Another worker was faster when the job is no longer what was read: then the whole frame is refused.
      if (await this.#tell(frame, 'active', taken).write()) return taken;
    }
    return undefined;
  }

  /** What the job has made and that it is done, at once. */
  complete(job, result) {
    const done = { ...job, place: `done:${job.id}`, result };
    const frame = this.kv
      .batch()
      .del(job.place, { ifPresent: true })
      .put(done.place, job.id)
      .put(`job:${job.id}`, done);
    return this.#tell(frame, 'completed', done).write();
  }

  /** Again later, or never. */
  fail(job, reason) {
    const isOver = job.tried >= job.attempts;
    const dueMs = Date.now() + 2 ** job.tried;
    const next = { ...job, reason, place: isOver ? `failed:${job.id}` : `later:${number(dueMs)}:${job.id}` };
    const frame = this.kv
      .batch()
      .del(job.place, { ifPresent: true })
      .put(next.place, job.id)
      .put(`job:${job.id}`, next);
    return this.#tell(frame, isOver ? 'failed' : 'retrying', next).write();
  }

  /** After a crash: what was being worked on is ready again. */
  async recover() {
    for await (const [place, id] of this.kv.entries({ prefix: 'active:' })) await this.#makeReady(place, id, 'stalled');
  }

  async #wakeDue() {
    const due = { gte: 'later:', lt: `later:${number(Date.now() + 1)}` };
    for await (const [place, id] of this.kv.entries(due)) await this.#makeReady(place, id, 'waiting');
  }

  async #makeReady(place, id, event) {
    const { value: job, sequence } = await this.kv.getEntry(`job:${id}`);
    const ready = { ...job, place: `ready:${number(job.priority)}:${id}` };
    const frame = this.kv.batch().put(`job:${id}`, ready, { ifSeq: sequence }).del(place).put(ready.place, id);
    await this.#tell(frame, event, ready).write();
  }

  #tell(frame, event, { id, tried }) {
    return frame.append(this.events, { key: id, value: JSON.stringify({ event, tried }) });
  }

  async close() {
    await this.kv.close();
    await this.log.close();
  }
}

const JOBS = 40;
const folder = mkdtempSync(join(tmpdir(), 'millrace-queue-'));
const dir = join(folder, 'data');

/** Adds every job, and works until nothing is left. */
async function live(queue, isOver) {
  await queue.recover();
  for (let id = 0; id < JOBS; id += 1) {
    await queue.add(`job-${id}`, { square: id }, { priority: id % 2 ? 1 : 9, delayMs: id % 10 === 0 ? 2 : 0 });
  }
  const worker = async () => {
    while (!isOver()) {
      const job = await queue.take();
      if (job === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      else if (job.data.square % 7 === 3 && job.tried === 1) await queue.fail(job, 'not the first time');
      else await queue.complete(job, job.data.square ** 2);
    }
  };
  await Promise.all([worker(), worker(), worker()]);
}

async function resultsOf(queue) {
  const results = new Map();
  for await (const [, id] of queue.kv.entries({ prefix: 'done:' })) {
    results.set(id.slice('job-'.length), (await queue.kv.get(`job:${id}`)).result);
  }
  return results;
}

async function completionsOf(queue) {
  const completions = [];
  for await (const batch of queue.events.read({ from: 'earliest', follow: false })) {
    for (const { key, value } of batch.records()) {
      if (JSON.parse(String(value)).event === 'completed') completions.push(String(key).slice('job-'.length));
    }
  }
  return completions;
}

for (let lives = 1; ; lives += 1) {
  // A simulated disk, so that the power can be cut; leave `sim` out and it is a real one.
  const queue = await Queue.open(dir, { sim: { seed: lives, id: dir } });
  const [results, completions] = [await resultsOf(queue), await completionsOf(queue)];
  assert.deepEqual(
    [...results.keys()].sort(),
    completions.sort(),
    'a job is done if and only if its event says so, once',
  );
  if (results.size === JOBS) {
    for (const [id, square] of results) assert.equal(square, Number(id) ** 2);
    await queue.close();
    rmSync(folder, { recursive: true });
    console.log(`${JOBS} jobs done once each in ${lives} lives`);
    break;
  }
  let over = false;
  const power = setTimeout(() => queue.kv.engine.cutPower(), 15 + (lives % 7) * 10);
  const work = live(queue, () => over).catch((error) =>
    assert.match(error.code, /MILLRACE_(OUTCOME_UNKNOWN|CLOSED|POISONED)/),
  );
  const all = async () => {
    while (!over && (await resultsOf(queue)).size < JOBS) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  await Promise.race([all().catch(() => {}), work]);
  over = true;
  clearTimeout(power);
  await work;
  await queue.close().catch(() => {});
}
