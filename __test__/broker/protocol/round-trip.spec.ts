/** Arbitrary messages of every API and version survive encoding and decoding. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { camel, isTagged } from '../../../ts/broker/protocol/generator/types.ts';
import { Reader } from '../../../ts/broker/protocol/reader.ts';
import { Writer } from '../../../ts/broker/protocol/writer.ts';
import { ALL_MESSAGES, type GeneratedMessage, versionsOf } from './all-messages.ts';
import { arbitraryMessage } from './arbitrary-message.ts';
import { comparable } from './comparable.ts';
import { type Sample, sampleMessage } from './sample-message.ts';

const SEED = Number(process.env.MILLRACE_SEED ?? 20_260_102);

describe.each(ALL_MESSAGES)('$name', (message) => {
  test.each(versionsOf(message))('version %i: what was encoded is decoded, to the last byte', (version) => {
    const property = fc.property(
      arbitraryMessage(message.schema, version),
      fc.nat({ max: 64 }),
      (original, capacity) => {
        const writer = new Writer(capacity);
        message.encode(writer, version, original);
        const reader = new Reader(writer.bytes());
        const decoded = message.decode(reader, version);
        reader.finish();
        expect(comparable(decoded)).toEqual(comparable(original));
      },
    );
    fc.assert(property, { seed: SEED, numRuns: 25 });
  });

  test('tagged fields that nobody knows are skipped', () => {
    for (const version of versionsOf(message)) {
      if (version < message.schema.flexible.low || version > message.schema.flexible.high) continue;
      const property = fc.property(
        withoutTags(message, version),
        fc.uint8Array({ maxLength: 200 }),
        (original, unknown) => {
          const plain = new Writer();
          message.encode(plain, version, original);
          const tagged = new Writer();
          // Without tags of its own a message ends in its tag count, zero.
          tagged.raw(plain.bytes().subarray(0, -1));
          tagged.varuint(1);
          const mark = tagged.beginTag(9_999);
          tagged.raw(unknown);
          tagged.endTag(mark);
          const reader = new Reader(tagged.bytes());
          const decoded = message.decode(reader, version);
          reader.finish();
          expect(comparable(decoded)).toEqual(comparable(original));
        },
      );
      fc.assert(property, { seed: SEED, numRuns: 5 });
    }
  });
});

/** Arbitrary messages whose own tagged fields have their defaults. */
function withoutTags(message: GeneratedMessage, version: number): fc.Arbitrary<Sample> {
  const bare = sampleMessage(message.schema, version, 'bare');
  const tagged = message.schema.root.fields.filter(isTagged).map((field) => camel(field.name));
  const defaults = Object.fromEntries(tagged.map((name) => [name, bare[name]]));
  return arbitraryMessage(message.schema, version).map((original) => ({ ...original, ...defaults }));
}
