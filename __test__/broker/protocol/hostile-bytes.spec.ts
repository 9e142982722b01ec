/**
 * Hostile bytes against every decoder: whatever comes, a decoder either succeeds or throws a ProtocolError, and its work
 * is bounded by the bytes it was given.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../../ts/broker/protocol/protocol-error.ts';
import { Reader } from '../../../ts/broker/protocol/reader.ts';
import { Writer } from '../../../ts/broker/protocol/writer.ts';
import { ALL_MESSAGES, type GeneratedMessage, versionsOf } from './all-messages.ts';
import { sampleMessage } from './sample-message.ts';

const SEED = Number(process.env.MILLRACE_SEED ?? 20_260_101);

function fullBytes(message: GeneratedMessage, version: number): Buffer {
  const writer = new Writer();
  message.encode(writer, version, sampleMessage(message.schema, version, 'full'));
  return Buffer.from(writer.bytes());
}

/** The versions where the layout changes its kind: lowest, last plain, first compact, highest. */
function edgeVersions(message: GeneratedMessage): number[] {
  const { versions, flexible } = message.schema;
  const edges = [versions.low, flexible.low - 1, flexible.low, versions.high];
  return versionsOf(message).filter((version) => edges.includes(version));
}

/** True when the bytes decode; false on a ProtocolError; anything else thrown fails the test. */
function survives(message: GeneratedMessage, version: number, bytes: Uint8Array): boolean {
  try {
    message.decode(new Reader(bytes), version);
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

describe.each(ALL_MESSAGES)('$name', (message) => {
  test('cut off at any byte: refused', () => {
    const accepted: string[] = [];
    for (const version of versionsOf(message)) {
      const bytes = fullBytes(message, version);
      for (let length = 0; length < bytes.length; length += 1) {
        if (survives(message, version, bytes.subarray(0, length))) accepted.push(`version ${version} cut at ${length}`);
      }
      expect(survives(message, version, bytes)).toBe(true);
    }
    expect(accepted).toEqual([]);
  });

  test('INT_MAX, -1, -2 and ten 0xff at any position: refused or decoded, never anything else', () => {
    const poison = ['7fffffff', 'ffffffff', 'fffffffe', '80000000', 'ffffffffffffffffffff', '8000'].map((hex) =>
      Buffer.from(hex, 'hex'),
    );
    for (const version of edgeVersions(message)) {
      const original = fullBytes(message, version);
      const copy = Buffer.alloc(original.length + 16);
      for (let at = 0; at < original.length; at += 1) {
        for (const bytes of poison) {
          original.copy(copy);
          bytes.copy(copy, at);
          survives(message, version, copy);
        }
      }
    }
  });

  test('random bytes, and random changes of valid bytes: refused or decoded, never anything else', () => {
    const { low, high } = message.schema.versions;
    const version = fc.integer({ min: low, max: high });
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    const property = fc.property(
      version,
      fc.uint8Array({ maxLength: 200 }),
      fc.array(change, { maxLength: 5 }),
      (v, noise, changes) => {
        survives(message, v, noise);
        const bytes = fullBytes(message, v);
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        survives(message, v, bytes);
      },
    );
    fc.assert(property, { seed: SEED, numRuns: 200 });
  });
});
