/**
 * The work in the ledger: what is asked for, by how many at a time, and what answers look like.
 *
 * Invariant: a request that was refused ends the run; nothing is counted that was not done.
 */
import { encodeBatch } from '../../__test__/support/record-batch.ts';
import type { Api, Complete, Sparse } from '../../ts/broker/protocol/api.ts';
import { produceApi } from '../../ts/broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { joinGroupApi } from '../../ts/broker/protocol/gen/11-join-group.gen.ts';
import { heartbeatApi } from '../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import { syncGroupApi } from '../../ts/broker/protocol/gen/14-sync-group.gen.ts';
import { createTopicsApi } from '../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { encodeRequestHeader } from '../../ts/broker/protocol/header.ts';
import { Reader } from '../../ts/broker/protocol/reader.ts';
import { Writer } from '../../ts/broker/protocol/writer.ts';
import type { Subject } from './subject.ts';
import { type Exchange, Traffic } from './traffic.ts';

/** Something that can be done again and again. */
export interface Running extends Disposable {
  /** Does it so many times; the median latency in ms. */
  run(operations: number): Promise<number>;
}

export interface Work {
  readonly name: string;
  /** What is asked for, for a reader of the table. */
  readonly what: string;
  /** The least work with the same promise: an answer of so many bytes, and whether a write is durable before it. */
  readonly floor?: { readonly requestBytes: number; readonly replyBytes: number; readonly isDurable: boolean };
  open(subject: Subject, callers: number): Promise<Running>;
}

const TOPIC = 'ledger';
const PARTITIONS = 4;
const VALUE = Buffer.alloc(1024, 'v');
const FRAME_HEAD = 4;
/** Length and correlation id before an answer's body. */
const ANSWER_HEAD = 8;

function framed<Request, Response>(api: Api<Request, Response>, version: number, request: Sparse<Request>): Buffer {
  const writer = new Writer();
  writer.int32(0);
  encodeRequestHeader(writer, api, version, 7, 'ledger');
  api.encodeRequest(writer, version, request);
  writer.patchInt32(0, writer.position - FRAME_HEAD);
  return writer.bytes();
}

/** A request whose answer must have no error code, as `codeOf` finds it. */
function exchange<Request, Response>(
  api: Api<Request, Response>,
  version: number,
  request: Sparse<Request>,
  codeOf: (response: Complete<Response>) => number | undefined,
  told: (response: Complete<Response>) => void = () => undefined,
): Exchange {
  const check = (bytes: Buffer): number | undefined => {
    if (bytes.length < FRAME_HEAD || bytes.length < FRAME_HEAD + bytes.readInt32BE(0)) return undefined;
    const response = api.decodeResponse(new Reader(bytes, ANSWER_HEAD), version);
    const code = codeOf(response);
    if (code !== 0) throw new Error(`api ${api.key} answered ${code}`);
    told(response);
    return FRAME_HEAD + bytes.readInt32BE(0);
  };
  return { request: framed(api, version, request), check };
}

/** Asks once, on a connection of its own. */
async function once(port: number, one: Exchange): Promise<void> {
  using traffic = await Traffic.open(port, [one]);
  await traffic.run(1);
}

const produced = (partition: number): Exchange => {
  const topicData = [{ name: TOPIC, partitionData: [{ index: partition, records: encodeBatch([VALUE]) }] }];
  const request = { acks: -1, timeoutMs: 30_000, topicData };
  return exchange(produceApi, 7, request, (it) => it.responses[0]?.partitionResponses[0]?.errorCode);
};

async function topic({ ports }: Subject): Promise<void> {
  const topics = [{ name: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1 }];
  const exists = 36;
  const request = exchange(createTopicsApi, 4, { topics, timeoutMs: 30_000 }, ({ topics: [it] }) =>
    it?.errorCode === exists ? 0 : it?.errorCode,
  );
  await once(ports.kafka, request);
}

const numbers = (callers: number): number[] => Array.from({ length: callers }, (_, number) => number);

const produce: Work = {
  name: 'produce',
  what: 'one record of 1 KiB, `acks=all`, durable',
  floor: { requestBytes: produced(0).request.length, replyBytes: 60, isDurable: true },
  async open(subject, callers) {
    await topic(subject);
    const each = numbers(callers).map((number) => produced(number % PARTITIONS));
    return Traffic.open(subject.ports.kafka, each);
  },
};

const fetched = (partition: number): Exchange => {
  const partitions = [{ partition, fetchOffset: 0, partitionMaxBytes: VALUE.length, currentLeaderEpoch: -1 }];
  const wish = { maxBytes: VALUE.length, minBytes: 1, maxWaitMs: 1000, topics: [{ topic: TOPIC, partitions }] };
  return exchange(fetchApi, 8, wish, ({ responses }) => {
    const row = responses[0]?.partitions[0];
    return row?.records && row.records.length > VALUE.length ? row.errorCode : -1;
  });
};

const fetch: Work = {
  name: 'fetch',
  what: 'one batch of 1 KiB that is in memory',
  floor: { requestBytes: fetched(0).request.length, replyBytes: 1170, isDurable: false },
  async open(subject, callers) {
    await topic(subject);
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      await once(subject.ports.kafka, produced(partition));
    }
    const each = numbers(callers).map((number) => fetched(number % PARTITIONS));
    return Traffic.open(subject.ports.kafka, each);
  },
};

/** A group of one member, joined and with an assignment. */
async function heartbeatOf(port: number, groupId: string): Promise<Exchange> {
  const protocols = [{ name: 'range', metadata: new Uint8Array(4) }];
  const joining = { groupId, sessionTimeoutMs: 300_000, rebalanceTimeoutMs: 300_000, memberId: '' };
  let memberId = '';
  let generationId = -1;
  const join = exchange(
    joinGroupApi,
    3,
    { ...joining, protocolType: 'consumer', protocols },
    ({ errorCode }) => errorCode,
    (joined) => {
      memberId = joined.memberId;
      generationId = joined.generationId;
    },
  );
  await once(port, join);
  const assignments = [{ memberId, assignment: new Uint8Array(4) }];
  await once(
    port,
    exchange(syncGroupApi, 2, { groupId, generationId, memberId, assignments }, ({ errorCode }) => errorCode),
  );
  return exchange(heartbeatApi, 3, { groupId, generationId, memberId }, ({ errorCode }) => errorCode);
}

const heartbeat: Work = {
  name: 'group heartbeat',
  what: 'a member of a group says that it is there',
  floor: { requestBytes: 100, replyBytes: 14, isDurable: false },
  async open({ ports }, callers) {
    const each = numbers(callers).map((number) => heartbeatOf(ports.kafka, `ledger-${callers}-${number}`));
    return Traffic.open(ports.kafka, await Promise.all(each));
  },
};

function command(words: readonly string[], answer: string): Exchange {
  const request = Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`);
  const check = (bytes: Buffer): number | undefined => {
    if (bytes.length < answer.length) return undefined;
    if (bytes.toString('latin1') !== answer) throw new Error(`unexpected: ${bytes}`);
    return answer.length;
  };
  return { request, check };
}

const CONTENT = 'v'.repeat(100);
const setting = command(['SET', 'key', CONTENT], '+OK\r\n');
const getting = command(['GET', 'key'], `$${CONTENT.length}\r\n${CONTENT}\r\n`);

const respSet: Work = {
  name: 'RESP SET',
  what: '100 B, durable (`appendfsync always`)',
  floor: { requestBytes: setting.request.length, replyBytes: 5, isDurable: true },
  open: ({ ports }, callers) =>
    Traffic.open(
      ports.redis,
      numbers(callers).map(() => setting),
    ),
};

const respGet: Work = {
  name: 'RESP GET',
  what: '100 B that are in memory',
  floor: { requestBytes: getting.request.length, replyBytes: 108, isDurable: false },
  async open({ ports }, callers) {
    await once(ports.redis, setting);
    return Traffic.open(
      ports.redis,
      numbers(callers).map(() => getting),
    );
  },
};

/** Work inside the process itself. */
function embedded(name: 'kv-get' | 'kv-put', title: string, what: string): Work {
  return {
    name: title,
    what,
    async open(subject, callers) {
      const run = async (operations: number): Promise<number> => {
        const [median = 0] = (await subject.tell({ what: 'work', name, callers, operations })) as number[];
        return median;
      };
      return { run, [Symbol.dispose]: () => undefined };
    },
  };
}

/** The lines of the ledger, in its order. */
export const works: readonly Work[] = [
  produce,
  fetch,
  embedded('kv-get', 'KV get', 'embedded, 100 B that are in memory, awaited'),
  embedded('kv-put', 'KV put', 'embedded, 100 B, durable'),
  respGet,
  respSet,
  heartbeat,
];
