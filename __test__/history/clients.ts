/**
 * Clients that write, read, copy by transactions and commit positions, and take down what they did and saw.
 *
 * Not the faults, which come from outside. To remember: whatever does not end with a clear answer is of unknown outcome;
 * a producer writes an unanswered batch again under the same sequence, and a worker's transactions own their partitions,
 * as Kafka lets writers of one partition interleave.
 */
import type { Api, Complete, Sparse } from '../../ts/broker/protocol/api.ts';
import { produceApi } from '../../ts/broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { offsetCommitApi } from '../../ts/broker/protocol/gen/08-offset-commit.gen.ts';
import { offsetFetchApi } from '../../ts/broker/protocol/gen/09-offset-fetch.gen.ts';
import { initProducerIdApi } from '../../ts/broker/protocol/gen/22-init-producer-id.gen.ts';
import { endTxnApi } from '../../ts/broker/protocol/gen/26-end-txn.gen.ts';
import { visibleRecords } from '../support/committed-values.ts';
import type { Random } from '../support/random.ts';
import { encodeBatch } from '../support/record-batch.ts';
import type { Isolation, Outcome, Position, Read, Recorder, Send } from './history.ts';

/** One connection: rejects when it is gone, and then for ever. */
export interface Connection extends Disposable {
  ask<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Sparse<Request>,
  ): Promise<Complete<Response>>;
}

/** Where clients live. */
export interface World {
  readonly recorder: Recorder;
  readonly random: Random;
  /** A new connection; rejects while the server is away. */
  connect(): Promise<Connection>;
  /** Whether clients shall end. */
  readonly isOver: boolean;
  /**
   * Readers see what is written, and a power cut may take of that what was not flushed (docs/durability.md). With this, a
   * read counts only when something acknowledged as durable came after it in the journal.
   */
  readonly countsDurableReadsOnly: boolean;
}

export const TOPIC = 't';
/** Partitions of plain producers, then two of each worker. */
export const PLAIN = [0, 1];
export const WORKERS = 2;
export const PARTITIONS = PLAIN.length + 2 * WORKERS;
const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);
const [DUPLICATE, CONCURRENT] = [46, 51];
const BYTES = 1_000_000;
const NOT_YET = 5;

export const resting = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Connects again and again until all is over; what fails with the connection is not looked at. */
async function living(world: World, life: (connection: Connection) => Promise<void>): Promise<void> {
  while (!world.isOver) {
    try {
      using connection = await world.connect();
      while (!world.isOver) await life(connection);
    } catch (error) {
      if (!(error instanceof Gone)) throw error;
      await resting(NOT_YET);
    }
  }
}

/** The connection ended, or the server did not do what a client may count on while it dies. */
export class Gone extends Error {}

/** Writes single values with sequences of its own; what was not answered is written again. */
export async function runProducer(world: World, process: string): Promise<void> {
  let producer: { id: number; epoch: number } | undefined;
  let sequences = new Map<number, number>();
  let open: { send: Send; start: number; sequence: number } | undefined;
  let written = 0;
  const end = (outcome: Outcome, offset?: number) => {
    if (open === undefined) return;
    world.recorder.add({ process, start: open.start, outcome, sends: [{ ...open.send, offset }] });
    open = undefined;
  };
  await living(world, async (connection) => {
    if (producer === undefined) {
      const asked = { transactionalId: null, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 };
      const { errorCode, producerId, producerEpoch } = await connection.ask(initProducerIdApi, 4, asked);
      if (errorCode !== 0) throw new Gone(`InitProducerId: ${errorCode}`);
      producer = { id: producerId, epoch: producerEpoch };
      sequences = new Map();
    }
    if (open === undefined) {
      const partition = PLAIN[world.random.between(0, PLAIN.length - 1)] ?? 0;
      const sequence = sequences.get(partition) ?? 0;
      sequences.set(partition, sequence + 1);
      written += 1;
      open = { send: { partition, value: `${process}.${written}` }, start: world.recorder.tick(), sequence };
    }
    const { send, sequence } = open;
    const identity = { producerId: producer.id, producerEpoch: producer.epoch, baseSequence: sequence };
    const { errorCode, baseOffset } = await produce(connection, null, [send], identity);
    if (errorCode === 0) end('ok', baseOffset);
    else {
      // A new producer cannot tell whether the old one's batch is there.
      end(errorCode === DUPLICATE ? 'ok' : 'info');
      producer = undefined;
    }
  });
  end('info');
}

interface Identity {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

/** One batch for one partition. */
async function produce(
  connection: Connection,
  transactionalId: string | null,
  sends: readonly Send[],
  identity: Identity,
): Promise<{ errorCode: number; baseOffset: number }> {
  const values = sends.map(({ value }) => Buffer.from(value));
  const records = encodeBatch(values, { ...identity, transactional: transactionalId !== null });
  const topicData = [{ name: TOPIC, partitionData: [{ index: sends[0]?.partition ?? 0, records }] }];
  const reply = await connection.ask(produceApi, 12, { transactionalId, acks: -1, timeoutMs: 10_000, topicData });
  const row = reply.responses[0]?.partitionResponses[0];
  return { errorCode: row?.errorCode ?? -1, baseOffset: Number(row?.baseOffset ?? -1) };
}

/** One Fetch of all partitions from `positions`, which move on. */
export async function fetch(
  { recorder }: World,
  connection: Connection,
  isolation: Isolation,
  positions: number[],
): Promise<Read[]> {
  const start = recorder.tick();
  const reply = await connection.ask(fetchApi, 11, {
    ...{ replicaId: -1, maxWaitMs: 0, minBytes: 0, maxBytes: BYTES * PARTITIONS, sessionEpoch: -1 },
    isolationLevel: isolation === 'committed' ? 1 : 0,
    topics: [
      {
        topic: TOPIC,
        partitions: ALL.map((partition) => ({
          partition,
          fetchOffset: positions[partition] ?? 0,
          partitionMaxBytes: BYTES,
          currentLeaderEpoch: -1,
        })),
      },
    ],
  });
  const end = recorder.tick();
  const rows = reply.responses[0]?.partitions ?? [];
  const refused = rows.find(({ errorCode }) => errorCode !== 0);
  if (refused !== undefined) throw new Gone(`Fetch: ${refused.errorCode}`);
  return rows.map((row) => {
    const from = positions[row.partitionIndex] ?? 0;
    const bytes = Buffer.from(row.records as Uint8Array);
    const { records, next } = visibleRecords(bytes, isolation === 'committed' ? (row.abortedTransactions ?? []) : null);
    const to = Math.max(from, next);
    positions[row.partitionIndex] = to;
    return {
      ...{ partition: row.partitionIndex, isolation, start, end, from, to },
      stable: Number(isolation === 'committed' ? row.lastStableOffset : row.highWatermark),
      records: records
        .filter(({ offset }) => offset >= from)
        .map(({ offset, value }) => ({ offset, value: String(value) })),
    };
  });
}

/** Reads all partitions by one Fetch after the other, seeks now and then, and commits positions as a group of its own. */
export async function runPoller(world: World, process: string, isolation: Isolation): Promise<void> {
  const { recorder, random } = world;
  let session = 0;
  let positions: number[] | undefined;
  let held: Parameters<Recorder['add']>[0][] = [];
  const count = () => {
    for (const one of held) recorder.add(one);
    held = [];
  };
  const poll = async (connection: Connection): Promise<void> => {
    if (positions === undefined || random.fraction() < 0.02) {
      session += 1;
      positions = await committedPositions(world, connection, process);
      if (random.fraction() < 0.3) positions.fill(0);
    }
    const start = recorder.tick();
    const reads = await fetch(world, connection, isolation, positions);
    held.push({ process, session, start, end: recorder.tick(), outcome: 'ok', reads });
    if (!world.countsDurableReadsOnly) count();
    if (random.fraction() < 0.2 && (await commitPositions(world, connection, process, positions))) count();
    await resting(random.between(0, 4));
  };
  await living(world, async (connection) => {
    try {
      await poll(connection);
    } catch (error) {
      if (world.countsDurableReadsOnly) positions = undefined;
      held = [];
      throw error;
    }
  });
}

async function committedPositions({ recorder }: World, connection: Connection, group: string): Promise<number[]> {
  const start = recorder.tick();
  const topics = [{ name: TOPIC, partitionIndexes: ALL }];
  const reply = await connection.ask(offsetFetchApi, 7, { groupId: group, topics, requireStable: true });
  const rows = reply.topics[0]?.partitions ?? [];
  if (rows.length !== PARTITIONS || rows.some(({ errorCode }) => errorCode !== 0)) throw new Gone('OffsetFetch');
  const found = rows.map((row) => ({ group, partition: row.partitionIndex, offset: Number(row.committedOffset) }));
  recorder.add({ process: group, start, outcome: 'ok', found });
  const positions = ALL.map(() => 0);
  for (const { partition, offset } of found) positions[partition] = Math.max(0, offset);
  return positions;
}

/** Answers whether they are committed, and with them everything that was read before is durable. */
async function commitPositions(
  world: World,
  connection: Connection,
  group: string,
  positions: number[],
): Promise<boolean> {
  const { recorder } = world;
  const start = recorder.tick();
  const committed = ALL.map((partition): Position => ({ group, partition, offset: positions[partition] ?? 0 }));
  const rows = committed.map(({ partition, offset }) => ({
    partitionIndex: partition,
    committedOffset: offset,
    committedLeaderEpoch: -1,
    committedMetadata: '',
  }));
  let outcome: Outcome = 'info';
  try {
    const topics = [{ name: TOPIC, partitions: rows }];
    const asked = { groupId: group, generationIdOrMemberEpoch: -1, memberId: '', topics };
    const reply = await connection.ask(offsetCommitApi, 7, asked);
    if (reply.topics[0]?.partitions.every(({ errorCode }) => errorCode === 0) === true) outcome = 'ok';
  } finally {
    recorder.add({ process: group, start, outcome, committed });
  }
  return outcome === 'ok';
}

/** Transactions over two partitions of its own, with a read in some of them; some are aborted. */
export async function runWorker(world: World, number: number): Promise<void> {
  const process = `worker${number}`;
  const own = [0, 1].map((part) => PLAIN.length + 2 * number + part);
  const positions = ALL.map(() => 0);
  let identity: { producerId: number; producerEpoch: number } | undefined;
  let written = 0;
  let session = 0;
  await living(world, async (connection) => {
    if (identity === undefined) {
      identity = await initTransactions(connection, process);
      session += 1;
    }
    const { recorder, random } = world;
    const start = recorder.tick();
    const sends: Send[] = [];
    const reads: Read[] = [];
    let outcome: Outcome = 'info';
    let commitAsked: number | undefined;
    const claim = identity;
    const before = [...positions];
    identity = undefined;
    try {
      if (random.fraction() < 0.5) reads.push(...(await fetch(world, connection, 'committed', positions)));
      for (const partition of own) {
        const batch = Array.from({ length: random.between(1, 3) }, () => {
          written += 1;
          return { partition, value: `${process}.${written}` };
        });
        const at = sends.push(...batch) - batch.length;
        const { errorCode, baseOffset } = await produce(connection, process, batch, { ...claim, baseSequence: 0 });
        if (errorCode !== 0) throw new Gone(`Produce: ${errorCode}`);
        for (const [delta, send] of batch.entries()) sends[at + delta] = { ...send, offset: baseOffset + delta };
      }
      const committed = random.fraction() < 0.8;
      if (committed) commitAsked = recorder.tick();
      const reply = await connection.ask(endTxnApi, 5, { ...claim, transactionalId: process, committed });
      if (reply.errorCode !== 0) throw new Gone(`EndTxn: ${reply.errorCode}`);
      identity = { producerId: reply.producerId, producerEpoch: reply.producerEpoch };
      outcome = committed ? 'ok' : 'fail';
    } finally {
      // What was never asked to be committed is aborted by the next incarnation of this id.
      if (commitAsked === undefined) outcome = 'fail';
      const isAnswered = identity !== undefined;
      if (!isAnswered && world.countsDurableReadsOnly) {
        reads.length = 0;
        positions.splice(0, positions.length, ...before);
      }
      recorder.add({ process, session, start, outcome, sends, reads, transaction: { commitAsked } });
    }
  });
}

/** Fences whoever had the id before, and waits until what that left open has ended. */
export async function initTransactions(
  connection: Connection,
  transactionalId: string,
): Promise<{ producerId: number; producerEpoch: number }> {
  const asked = { transactionalId, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 };
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const { errorCode, producerId, producerEpoch } = await connection.ask(initProducerIdApi, 5, asked);
    if (errorCode === 0) return { producerId, producerEpoch };
    if (errorCode !== CONCURRENT) throw new Gone(`InitProducerId: ${errorCode}`);
    await resting(NOT_YET);
  }
  throw new Error(`a transaction of ${transactionalId} does not end`);
}
