/**
 * Frames that are nearly requests: one of every API and version, with one thing wrong.
 *
 * To remember: some come out valid, and are answered; none may do harm.
 */
import { encodeRequestHeader } from '../../../ts/broker/protocol/header.ts';
import { Writer } from '../../../ts/broker/protocol/writer.ts';
import { ALL_APIS, ALL_MESSAGES } from '../../broker/protocol/all-messages.ts';
import { sampleMessage } from '../../broker/protocol/sample-message.ts';
import type { Random } from '../../support/random.ts';

/** A whole frame, length prefix and all. */
export function malformed(random: Random): Buffer {
  const frame = Buffer.from(pick(random, seeds()));
  switch (random.between(0, 5)) {
    case 0:
      return withLength(frame.subarray(0, random.between(5, frame.length)));
    case 1:
      for (let count = random.between(1, 8); count > 0; count -= 1) {
        frame[random.between(4, frame.length - 1)] = random.between(0, 255);
      }
      return frame;
    case 2:
      // Where counts and lengths are.
      frame.writeInt32BE(pick(random, [-1, -2, 0x7fffffff, 65_536, 1_000]), random.between(4, frame.length - 5));
      return frame;
    case 3:
      frame.writeInt32BE(pick(random, [0, -1, 0x7fffffff, -0x80000000, 2]), 0);
      return frame;
    case 4:
      frame.writeInt16BE(random.between(-3, 100), 4 + 2 * random.between(0, 1));
      return frame;
    default:
      return withLength(Buffer.concat([frame, Buffer.alloc(random.between(1, 30_000), random.between(0, 255))]));
  }
}

/** Topics are made by nobody here, so requests with nothing wrong change nothing either. */
const CHANGING = new Set(['CreateTopics', 'DeleteTopics', 'CreatePartitions']);

let known: Buffer[] | undefined;

function seeds(): Buffer[] {
  known ??= ALL_APIS.filter((api) => !CHANGING.has(api.name)).flatMap((api) => {
    const message = ALL_MESSAGES.find(({ name }) => name === `${api.name}Request`);
    if (message === undefined) return [];
    const versions = Array.from({ length: api.maxVersion - api.minVersion + 1 }, (_, at) => api.minVersion + at);
    return versions.map((version) => {
      const writer = new Writer();
      writer.int32(0);
      encodeRequestHeader(writer, api, version, 1, 'malformed');
      message.encode(writer, version, sampleMessage(message.schema, version, 'full'));
      return withLength(writer.bytes());
    });
  });
  return known;
}

function withLength(frame: Buffer): Buffer {
  frame.writeInt32BE(frame.length - 4, 0);
  return frame;
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.between(0, items.length - 1)] as T;
}
