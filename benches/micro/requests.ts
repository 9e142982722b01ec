/** Requests and replies of the Kafka protocol: the codecs alone, without a socket or a handler. */
import { produceApi } from '../../ts/broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { heartbeatApi } from '../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import { Reader } from '../../ts/broker/protocol/reader.ts';
import { Writer } from '../../ts/broker/protocol/writer.ts';
import { someBatch } from './batches.ts';
import { assertDone, type Work } from './work.ts';

const PARTITIONS = 100;

/** Decoding what comes often, and encoding what is answered. */
export function requestWorks(): Work[] {
  return [...[7, 9].map(produceWork), fetchRequestWork(), fetchResponseWork(), heartbeatWork()];
}

/** Version 9 is the first with compact types. */
function produceWork(version: number): Work {
  const topicData = [{ name: 'topic', partitionData: [{ index: 0, records: someBatch(0) }] }];
  const writer = new Writer();
  produceApi.encodeRequest(writer, version, { acks: -1, timeoutMs: 1000, topicData });
  const request = Buffer.from(writer.bytes());
  return {
    group: 'request',
    name: `Produce ${version} is decoded`,
    run() {
      assertDone(produceApi.decodeRequest(new Reader(request), version).topicData.length, 1, 'topics');
    },
  };
}

function fetchRequestWork(): Work {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
    partition,
    fetchOffset: partition * 1000,
  }));
  const writer = new Writer();
  fetchApi.encodeRequest(writer, 12, { maxWaitMs: 500, minBytes: 1, topics: [{ topic: 'topic', partitions }] });
  const request = Buffer.from(writer.bytes());
  return {
    group: 'request',
    name: `Fetch 12 of ${PARTITIONS} partitions is decoded`,
    run() {
      const { topics } = fetchApi.decodeRequest(new Reader(request), 12);
      assertDone(topics[0]?.partitions.length ?? 0, PARTITIONS, 'partitions');
    },
  };
}

function fetchResponseWork(): Work {
  const records = someBatch(0);
  const partitions = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({
    partitionIndex,
    errorCode: 0,
    highWatermark: 1000,
    abortedTransactions: null,
    records,
  }));
  const response = { throttleTimeMs: 0, responses: [{ topic: 'topic', partitions }] };
  const writer = new Writer();
  fetchApi.encodeResponse(writer, 12, response);
  const length = writer.position;
  return {
    group: 'reply',
    name: `Fetch 12 of ${PARTITIONS} partitions is encoded`,
    run() {
      writer.truncate(0);
      fetchApi.encodeResponse(writer, 12, response);
      assertDone(writer.position, length, 'bytes');
    },
  };
}

function heartbeatWork(): Work {
  const writer = new Writer();
  heartbeatApi.encodeRequest(writer, 4, { groupId: 'billing', generationId: 7, memberId: 'member-1-0123456789abcdef' });
  const request = Buffer.from(writer.bytes());
  return {
    group: 'request',
    name: 'Heartbeat 4 is decoded',
    run: () => assertDone(heartbeatApi.decodeRequest(new Reader(request), 4).generationId, 7, 'generation'),
  };
}
