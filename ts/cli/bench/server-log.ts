/**
 * produce, consume and e2e against a Kafka server, ours or another: connections of its own for every caller, requests as
 * clients send them. Values are not decoded where only their number matters.
 *
 * Invariant: with `--topic` nothing is created or deleted, and consume writes nothing; without it the topic is the bench's.
 */
import { produceApi } from '../../broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../broker/protocol/gen/01-fetch.gen.ts';
import { createTopicsApi } from '../../broker/protocol/gen/19-create-topics.gen.ts';
import { deleteTopicsApi } from '../../broker/protocol/gen/20-delete-topics.gen.ts';
import { readHeader } from '../../log/batch-view.ts';
import { batchTools } from '../../tools.ts';
import { CliError, ExitCode } from '../exit.ts';
import { Fetcher } from '../fetcher.ts';
import { check } from '../kafka-names.ts';
import { adminTimeoutMs, openSession, type Session } from '../session.ts';
import { earliestOffset, fetchTopics, latestOffset, offsetsAt } from '../topic-description.ts';
import { Arrivals } from './arrivals.ts';
import type { Conditions } from './figures.ts';
import { batchMaker } from './payload.ts';
import { type LogBenchOptions, ownName, type Workload } from './workload.ts';

/** Bytes of one partition in a Fetch of the consume bench: what clients ask for by default. */
const fetchBytes = 1024 * 1024;
const acksOf = { '-1': -1, all: -1, '1': 1, '0': 0 } as const;
const acksMeaning = { '-1': 'all', '0': '0 (nobody waits)', '1': '1' } as const;
/** Metadata of a topic just created may be a moment away on a cluster. */
const topicAttempts = 300;
const topicPauseMs = 100;

/** Connections to a server, and the topic the bench is on. */
class TopicOnServer implements AsyncDisposable {
  readonly sessions: readonly Session[];
  readonly name: string;
  readonly topicId: string;
  readonly partitions: number;
  readonly #isOwn: boolean;

  private constructor(sessions: readonly Session[], name: string, topicId: string, partitions: number, isOwn: boolean) {
    this.sessions = sessions;
    this.name = name;
    this.topicId = topicId;
    this.partitions = partitions;
    this.#isOwn = isOwn;
  }

  static async open(options: LogBenchOptions, connections: number): Promise<TopicOnServer> {
    const sessions: Session[] = [];
    try {
      for (let count = 0; count < connections; count += 1) sessions.push(await openSession(options));
      const [first] = sessions;
      if (first === undefined) throw new Error('a bench has at least one connection');
      const name = options.topic ?? ownName();
      if (options.topic === undefined) await create(first, name, options.partitions);
      const { topicId, partitions } = await find(first, name, options.topic === undefined);
      if (options.topic === undefined) await leadersAnswer(first, name, partitions);
      return new TopicOnServer(sessions, name, topicId, partitions, options.topic === undefined);
    } catch (error) {
      await closeAll(sessions);
      throw error;
    }
  }

  session(client: number): Session {
    const session = this.sessions[client % this.sessions.length];
    if (session === undefined) throw new Error('a bench has at least one connection');
    return session;
  }

  /** Sends one batch. */
  async produce(client: number, index: number, records: Uint8Array, acks: -1 | 0 | 1): Promise<void> {
    const topic = { name: this.name, topicId: this.topicId, partitionData: [{ index, records }] };
    const body = { transactionalId: null, acks, timeoutMs: adminTimeoutMs, topicData: [topic] };
    const session = this.session(client);
    if (acks === 0) return session.sendOnly(produceApi, body);
    const answer = (await session.send(produceApi, body)).responses[0]?.partitionResponses[0];
    check(answer?.errorCode ?? -1, `${this.name}/${index}`, answer?.errorMessage);
  }

  /** `earliestOffset` or `latestOffset` of every partition. */
  offsets(which: bigint): Promise<Map<number, number>> {
    const partitions = Array.from({ length: this.partitions }, (_, partition) => partition);
    return offsetsAt(this.session(0), this.name, partitions, which, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#isOwn)
        await this.session(0).send(deleteTopicsApi, { topicNames: [this.name], timeoutMs: adminTimeoutMs });
    } finally {
      await closeAll(this.sessions);
    }
  }
}

async function create(session: Session, name: string, numPartitions: number): Promise<void> {
  const { topics } = await session.send(createTopicsApi, {
    topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: adminTimeoutMs,
  });
  check(topics[0]?.errorCode ?? -1, name, topics[0]?.errorMessage);
}

async function find(session: Session, name: string, wait: boolean): Promise<{ topicId: string; partitions: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const [found] = await fetchTopics(session, [name]);
    const hasLeaders = found?.partitions.every(({ errorCode }) => errorCode === 0) === true;
    if (found?.errorCode === 0 && (hasLeaders || !wait)) {
      return { topicId: found.topicId, partitions: found.partitions.length };
    }
    if (!wait || attempt === topicAttempts) check(found?.errorCode || 3, name);
    await new Promise((resolve) => setTimeout(resolve, topicPauseMs));
  }
}

/** Until every partition of a new topic answers: a cluster tells who leads them a moment before they know it. */
async function leadersAnswer(session: Session, name: string, count: number): Promise<void> {
  const partitions = Array.from({ length: count }, (_, partition) => partition);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await offsetsAt(session, name, partitions, latestOffset, 0);
      return;
    } catch (error) {
      if (!(error instanceof CliError) || attempt === topicAttempts) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, topicPauseMs));
  }
}

async function closeAll(sessions: readonly Session[]): Promise<void> {
  for (const session of sessions) await session[Symbol.asyncDispose]();
}

function conditionsOf(options: LogBenchOptions, { partitions }: TopicOnServer): Conditions {
  const at =
    options.brokers === undefined ? (options.X?.get('brokers') ?? '127.0.0.1:9092') : addressOf(options.brokers);
  return {
    target: `kafka ${at}`,
    connections: options.clients,
    partitions,
    record: `${options.size} bytes, ${options.batch} a request, ${options.compression}`,
  };
}

/** What a stored record may count on. */
function promiseOf({ acks }: LogBenchOptions): Conditions {
  return { acks: acksMeaning[String(acksOf[acks]) as keyof typeof acksMeaning], policy: "the server's own" };
}

function addressOf({ host, port }: { host: string; port: number }): string {
  return `${host}:${port}`;
}

/** One Produce request an operation. */
export async function produceToServer(options: LogBenchOptions): Promise<Workload> {
  const topic = await TopicOnServer.open(options, options.clients);
  const records = batchMaker(options, batchTools())();
  const acks = acksOf[options.acks];
  let turn = 0;
  return {
    conditions: { ...conditionsOf(options, topic), ...promiseOf(options) },
    bytesEach: options.size,
    recordsEach: options.batch,
    async operate(client) {
      turn = (turn + 1) % topic.partitions;
      await topic.produce(client, turn, records, acks);
      return options.batch;
    },
    [Symbol.asyncDispose]: () => topic[Symbol.asyncDispose](),
  };
}

/** One Fetch request an operation: from the beginning to the end, and again. */
export async function consumeFromServer(options: LogBenchOptions): Promise<Workload> {
  const topic = await TopicOnServer.open(options, options.clients);
  try {
    if (options.topic === undefined) await fill(topic, options);
    const [start, end] = [await topic.offsets(earliestOffset), await topic.offsets(latestOffset)];
    const filled = [...end].filter(([partition, offset]) => offset > (start.get(partition) ?? 0));
    if (filled.length === 0) throw new CliError(ExitCode.notFound, `${topic.name} has no records to read`);
    const cursors = filled.map(([partition, last]) => {
      const first = start.get(partition) ?? 0;
      return { partition, first, last, next: first };
    });
    let turn = 0;
    return {
      conditions: { ...conditionsOf(options, topic), fetch: `${fetchBytes} bytes` },
      bytesEach: options.size,
      recordsEach: undefined,
      operate: (client) => {
        turn = (turn + 1) % cursors.length;
        return fetchOnce(topic, client, cursors[turn] as ReadCursor);
      },
      [Symbol.asyncDispose]: () => topic[Symbol.asyncDispose](),
    };
  } catch (error) {
    await topic[Symbol.asyncDispose]();
    throw error;
  }
}

interface ReadCursor {
  readonly partition: number;
  readonly first: number;
  readonly last: number;
  next: number;
}

/** Fetches behind the cursor and moves it; two callers on one cursor may read the same, as two consumers would. */
async function fetchOnce(topic: TopicOnServer, client: number, cursor: ReadCursor): Promise<number> {
  const from = cursor.next;
  const { errorCode, responses } = await topic.session(client).send(fetchApi, {
    replicaId: -1,
    maxWaitMs: 500,
    minBytes: 1,
    maxBytes: fetchBytes,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [
      {
        topic: topic.name,
        partitions: [
          {
            partition: cursor.partition,
            currentLeaderEpoch: -1,
            fetchOffset: from,
            logStartOffset: -1,
            partitionMaxBytes: fetchBytes,
          },
        ],
      },
    ],
  });
  check(errorCode, 'fetch');
  const answer = responses[0]?.partitions[0];
  check(answer?.errorCode ?? -1, `${topic.name}/${cursor.partition} at offset ${from}`);
  const bytes = Buffer.from(answer?.records ?? []);
  let [records, next] = [0, from];
  for (let at = 0; ; ) {
    const header = readHeader(bytes, at, bytes.length);
    if (header === undefined) break;
    if (!header.control) records += header.count;
    next = header.lastOffset + 1;
    at += header.length;
  }
  cursor.next = next >= cursor.last ? cursor.first : next;
  return records;
}

async function fill(topic: TopicOnServer, options: LogBenchOptions): Promise<void> {
  const records = batchMaker(options, batchTools())();
  const requests = Math.ceil(options.records / options.batch);
  const underWay = 8;
  for (let sent = 0; sent < requests; sent += underWay) {
    const some = Array.from({ length: Math.min(underWay, requests - sent) }, (_, index) => index + sent);
    await Promise.all(some.map((index) => topic.produce(index, index % topic.partitions, records, -1)));
  }
}

/** A request an operation; it has ended when a consumer on a connection of its own has all of its records. */
export async function endToEndOverServer(options: LogBenchOptions): Promise<Workload> {
  const topic = await TopicOnServer.open(options, options.clients + 1);
  const arrivals = new Arrivals();
  const make = batchMaker(options, batchTools());
  const acks = acksOf[options.acks];
  const fetcher = new Fetcher(topic.session(options.clients), batchTools());
  const ends = await topic.offsets(latestOffset);
  fetcher.assign(
    [...ends].map(([partition, next]) => ({ topic: topic.name, partition, next, end: Number.POSITIVE_INFINITY })),
  );
  let isClosing = false;
  const consuming = (async () => {
    while (!isClosing) {
      await fetcher.poll(({ value }) => {
        if (value !== null && value.length >= 8)
          arrivals.arrived(Buffer.from(value.buffer, value.byteOffset, 8).readDoubleLE(0));
        return true;
      });
    }
  })().catch((error: unknown) => arrivals.fail(error));
  let turn = 0;
  return {
    conditions: { ...conditionsOf(options, topic), ...promiseOf(options), consumers: 1 },
    bytesEach: options.size,
    recordsEach: options.batch,
    async operate(client) {
      turn = (turn + 1) % topic.partitions;
      const { mark, seen } = arrivals.expect(options.batch);
      await Promise.all([topic.produce(client % options.clients, turn, make(mark), acks), seen]);
      return options.batch;
    },
    async [Symbol.asyncDispose]() {
      isClosing = true;
      arrivals.fail(new CliError(ExitCode.interrupted, 'the bench has ended'));
      await consuming;
      await topic[Symbol.asyncDispose]();
    },
  };
}
