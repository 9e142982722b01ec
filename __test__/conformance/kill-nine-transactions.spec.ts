/**
 * kill -9 in the middle of transactions that read, write and move offsets (kafka.md 5, KIP-890): every record once.
 *
 * Two workers copy a partition each into the same two partitions; some of their transactions are aborted on purpose. What
 * a reader of committed data sees is checked after every kill: no record lost, none twice, none of an aborted attempt,
 * all in order, in both partitions as far as the committed offset says, and nothing unseen that was seen before. To
 * remember: MILLRACE_KILLS is the number of kills.
 */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { produceApi } from '../../ts/broker/protocol/gen/00-produce.gen.ts';
import { offsetFetchApi } from '../../ts/broker/protocol/gen/09-offset-fetch.gen.ts';
import { initProducerIdApi } from '../../ts/broker/protocol/gen/22-init-producer-id.gen.ts';
import { endTxnApi } from '../../ts/broker/protocol/gen/26-end-txn.gen.ts';
import { txnOffsetCommitApi } from '../../ts/broker/protocol/gen/28-txn-offset-commit.gen.ts';
import { ask } from '../support/ask.ts';
import { createTopics, produce } from '../support/calls.ts';
import { committedValues } from '../support/committed-values.ts';
import { type Random, seeded } from '../support/random.ts';
import { encodeBatch } from '../support/record-batch.ts';
import { scratch } from '../support/scratch.ts';
import { freePort, startServer } from '../support/server.ts';
import { WireConnection } from '../support/wire.ts';

const KILLS = Number(process.env.MILLRACE_KILLS ?? 5);
const [INPUT, OUTPUT] = ['input', 'output'];
const WORKERS = [0, 1];
/** More than is copied between the kills. */
const RECORDS = 4_000;
const [CONCURRENT_TRANSACTIONS, UNSTABLE_OFFSET_COMMIT] = [51, 88];
const ATTEMPTS = 200;

/** Copies one partition of the input, a few records a transaction. */
class Worker {
  readonly #number: number;
  readonly #random: Random;
  #producerId = -1;
  #epoch = -1;
  #sequences = [0, 0];
  /** Transactions whose commit was answered. */
  committed = 0;

  constructor(number: number, random: Random) {
    this.#number = number;
    this.#random = random;
  }

  /** Copies until the server is gone; an answer that is an error throws. */
  async run(address: string): Promise<void> {
    using wire = await WireConnection.open(address);
    try {
      await this.#begin(wire);
      for (let next = await this.offset(wire); next < RECORDS; ) next = await this.#transaction(wire, next);
    } catch (error) {
      if (!wire.closed) throw error;
    }
  }

  /** Where the copy stands, when no transaction can change it any more. */
  async offset(wire: WireConnection): Promise<number> {
    const topics = [{ name: INPUT, partitionIndexes: [this.#number] }];
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const asked = { groupId: this.#id, topics, requireStable: true };
      const row = (await ask(wire, offsetFetchApi, 7, asked)).topics[0]?.partitions[0];
      if (row?.errorCode === 0) return Math.max(row.committedOffset, 0);
      if (row?.errorCode !== UNSTABLE_OFFSET_COMMIT) throw new Error(`OffsetFetch: error ${row?.errorCode}`);
      await resting(10);
    }
    throw new Error('an offset stays unstable');
  }

  get #id(): string {
    return `worker-${this.#number}`;
  }

  /** Fences whoever had the id before the kill, and ends what that left open. */
  async #begin(wire: WireConnection): Promise<void> {
    const asked = { transactionalId: this.#id, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 };
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const { errorCode, producerId, producerEpoch } = await ask(wire, initProducerIdApi, 5, asked);
      if (errorCode === 0) {
        this.#is(producerId, producerEpoch);
        return;
      }
      if (errorCode !== CONCURRENT_TRANSACTIONS) throw new Error(`InitProducerId: error ${errorCode}`);
      await resting(10);
    }
    throw new Error('a transaction does not end');
  }

  /** Copies some records from `first` on, or tries to and gives up; answers where it stands then. */
  async #transaction(wire: WireConnection, first: number): Promise<number> {
    const next = Math.min(first + this.#random.between(1, 12), RECORDS);
    await this.#write(wire, first, next);
    await this.#moveOffset(wire, next);
    const committed = this.#random.between(0, 4) > 0;
    const { errorCode, producerId, producerEpoch } = await ask(wire, endTxnApi, 5, {
      ...this.#claim,
      transactionalId: this.#id,
      committed,
    });
    if (errorCode !== 0) throw new Error(`EndTxn: error ${errorCode}`);
    this.#is(producerId, producerEpoch);
    if (!committed) return first;
    this.committed += 1;
    return next;
  }

  get #claim() {
    return { producerId: this.#producerId, producerEpoch: this.#epoch };
  }

  #is(producerId: number, epoch: number): void {
    this.#producerId = producerId;
    this.#epoch = epoch;
    this.#sequences = [0, 0];
  }

  async #write(wire: WireConnection, first: number, next: number): Promise<void> {
    const partitionData = [0, 1].flatMap((index) => {
      const values: Buffer[] = [];
      for (let number = first; number < next; number += 1) {
        if (number % 2 === index) values.push(Buffer.from(`${this.#number}:${number}`));
      }
      if (values.length === 0) return [];
      const baseSequence = this.#sequences[index] ?? 0;
      this.#sequences[index] = baseSequence + values.length;
      return [{ index, records: encodeBatch(values, { ...this.#claim, baseSequence, transactional: true }) }];
    });
    const topicData = [{ name: OUTPUT, partitionData }];
    const asked = { transactionalId: this.#id, acks: -1, timeoutMs: 10_000, topicData };
    for (const row of (await ask(wire, produceApi, 12, asked)).responses[0]?.partitionResponses ?? []) {
      if (row.errorCode !== 0) throw new Error(`Produce: error ${row.errorCode}`);
    }
  }

  async #moveOffset(wire: WireConnection, committedOffset: number): Promise<void> {
    const row = { partitionIndex: this.#number, committedOffset, committedLeaderEpoch: -1, committedMetadata: '' };
    const { errorCode } = (
      await ask(wire, txnOffsetCommitApi, 5, {
        ...this.#claim,
        transactionalId: this.#id,
        groupId: this.#id,
        generationId: -1,
        memberId: '',
        topics: [{ name: INPUT, partitions: [row] }],
      })
    ).topics[0]?.partitions[0] ?? { errorCode: -1 };
    if (errorCode !== 0) throw new Error(`TxnOffsetCommit: error ${errorCode}`);
  }
}

function resting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The input, and an empty output. */
async function prepare(address: string): Promise<void> {
  using wire = await WireConnection.open(address);
  expect(await createTopics(wire, INPUT, WORKERS.length)).toBe(0);
  expect(await createTopics(wire, OUTPUT, 2)).toBe(0);
  const values = Array.from({ length: RECORDS }, (_, number) => Buffer.from(`${number}`));
  for (const worker of WORKERS) expect((await produce(wire, INPUT, worker, encodeBatch(values), 1)).error).toBe(0);
}

/** What was seen of both partitions of the output, checked against the offsets; `before` is what was seen earlier. */
async function check(address: string, workers: readonly Worker[], before: readonly string[][]): Promise<string[][]> {
  using wire = await WireConnection.open(address);
  const ends: number[] = [];
  for (const worker of workers) ends.push(await worker.offset(wire));
  const seen = [await committedValues(wire, OUTPUT, 0), await committedValues(wire, OUTPUT, 1)];
  for (const [partition, values] of seen.entries()) {
    const earlier = before[partition] ?? [];
    expect(values.slice(0, earlier.length), 'what was seen stays').toEqual(earlier);
    for (const number of WORKERS) {
      const expected: string[] = [];
      for (let at = partition; at < (ends[number] ?? 0); at += 2) expected.push(`${number}:${at}`);
      expect(values.filter((value) => value.startsWith(`${number}:`))).toEqual(expected);
    }
  }
  return seen;
}

/** Fences the workers before: what they left open is ended, so that a check sees the end of it. */
async function settle(address: string, random: Random): Promise<void> {
  using wire = await WireConnection.open(address);
  for (const number of WORKERS) {
    const asked = { transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 };
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const reply = await ask(wire, initProducerIdApi, 5, { ...asked, transactionalId: `worker-${number}` });
      if (reply.errorCode === 0) break;
      await resting(random.between(1, 10));
    }
  }
}

const LIMIT = { timeout: 60_000 + KILLS * 10_000 };

it('a copy by transactions holds every record once, whenever the server is killed', LIMIT, async () => {
  await seeded('a copy by transactions holds every record once', async (random) => {
    using directory = scratch('kill-transactions');
    const options = { directory: join(directory.path, 'data'), port: await freePort() };
    const workers = WORKERS.map((number) => new Worker(number, random));
    const committed = () => workers.reduce((sum, worker) => sum + worker.committed, 0);
    let seen: string[][] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      await using server = await startServer(options);
      if (kill === 0) await prepare(server.address);
      else await settle(server.address, random);
      seen = await check(server.address, workers, seen);
      const before = committed();
      const running = Promise.all(workers.map((worker) => worker.run(server.address)));
      for (let turn = 0; turn < 2_000 && committed() < before + 3; turn += 1) await Promise.race([running, resting(5)]);
      await Promise.race([running, resting(random.between(0, 200))]);
      await server.kill();
      await running;
    }
    await using last = await startServer(options);
    await settle(last.address, random);
    await check(last.address, workers, seen);
    expect(committed()).toBeGreaterThanOrEqual(KILLS * 3);
    expect(await last.stop()).toBe(0);
  });
});
