/** The decoder of Produce that makes no views says what the generated one says, of good and of bad bytes. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeProduceRequest, type ProduceRequest } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { decodeProduceInPlace, type ProduceInPlace } from '../../../ts/broker/protocol/produce-in-place.ts';
import { ProtocolError } from '../../../ts/broker/protocol/protocol-error.ts';
import { Reader } from '../../../ts/broker/protocol/reader.ts';
import { Writer } from '../../../ts/broker/protocol/writer.ts';
import { ALL_MESSAGES, type GeneratedMessage, versionsOf } from './all-messages.ts';
import { arbitraryMessage } from './arbitrary-message.ts';
import { sampleMessage } from './sample-message.ts';

const SEED = Number(process.env.MILLRACE_SEED ?? 20_260_103);
const produce = ALL_MESSAGES.find(({ name }) => name === 'ProduceRequest') as GeneratedMessage;

/** With views in place of ranges. */
function withViews({ bytes, topicData, ...rest }: ProduceInPlace): ProduceRequest {
  const topics = topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionData: partitionData.map(({ index, start, end }) => ({
      index,
      records: start === -1 ? null : bytes.subarray(start, end),
    })),
  }));
  return { ...rest, topicData: topics };
}

/** What a decoder makes of the bytes, and where it stops; or its refusal. */
function outcome(decode: (reader: Reader) => ProduceRequest, bytes: Uint8Array): unknown {
  // Requests lie somewhere in a larger memory.
  const memory = Buffer.concat([Buffer.alloc(7, 0xee), bytes, Buffer.alloc(5, 0xee)]);
  const reader = new Reader(memory, 7, 7 + bytes.length);
  try {
    return { request: decode(reader), position: reader.position };
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  }
}

function expectSame(version: number, bytes: Uint8Array): void {
  const inPlace = outcome((reader) => withViews(decodeProduceInPlace(reader, version)), bytes);
  expect(inPlace).toEqual(outcome((reader) => decodeProduceRequest(reader, version), bytes));
}

test.each(versionsOf(produce))('version %i: the same requests', (version) => {
  const property = fc.property(arbitraryMessage(produce.schema, version), (original) => {
    const writer = new Writer();
    produce.encode(writer, version, original);
    expectSame(version, writer.bytes());
  });
  fc.assert(property, { seed: SEED, numRuns: 25 });
});

test.each(versionsOf(produce))('version %i: the same refusals, cut off and changed anywhere', (version) => {
  const writer = new Writer();
  produce.encode(writer, version, sampleMessage(produce.schema, version, 'full'));
  const bytes = Buffer.from(writer.bytes());
  for (let at = 0; at < bytes.length; at += 1) {
    expectSame(version, bytes.subarray(0, at));
    for (const value of [0x00, 0x7f, 0x80, 0xff]) {
      const changed = Buffer.from(bytes);
      changed[at] = value;
      expectSame(version, changed);
    }
  }
});
