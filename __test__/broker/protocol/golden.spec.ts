/** Bytes written by Kafka's own Java classes (golden/kafka.txt), against every generated codec in both directions (rule 4). */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Reader } from '../../../ts/broker/protocol/reader.ts';
import { Writer } from '../../../ts/broker/protocol/writer.ts';
import { ALL_MESSAGES, versionsOf } from './all-messages.ts';
import { comparable } from './comparable.ts';
import { sampleMessage, type Variant } from './sample-message.ts';

const golden = new Map<string, Buffer>();
for (const line of readFileSync(join(import.meta.dirname, 'golden/kafka.txt'), 'utf8')
  .trim()
  .split('\n')) {
  const [name, version, variant, hex] = line.split(' ');
  golden.set(`${name} ${version} ${variant}`, Buffer.from(hex as string, 'hex'));
}

describe.each(ALL_MESSAGES)('$name', (message) => {
  const cases = versionsOf(message).flatMap((version) => [
    [version, 'full'] as [number, Variant],
    [version, 'bare'] as [number, Variant],
  ]);

  test.each(cases)('version %i %s: Kafka’s bytes decode to the message, to the last byte', (version, variant) => {
    const bytes = golden.get(`${message.name} ${version} ${variant}`) as Buffer;
    const reader = new Reader(bytes);
    const decoded = message.decode(reader, version);
    reader.finish();
    expect(comparable(decoded)).toEqual(comparable(sampleMessage(message.schema, version, variant)));
  });

  test.each(cases)('version %i %s: the message encodes to Kafka’s bytes', (version, variant) => {
    const writer = new Writer(1);
    message.encode(writer, version, sampleMessage(message.schema, version, variant));
    const bytes = golden.get(`${message.name} ${version} ${variant}`) as Buffer;
    expect(writer.bytes().toString('hex')).toBe(bytes.toString('hex'));
  });
});
