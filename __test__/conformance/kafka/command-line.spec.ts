/** Our command line writes and reads the whole corpus with every codec; kcat reads the same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, createTopic, openBroker } from '../../support/broker.ts';
import { readCorpus } from '../../support/corpus.ts';
import { codecOf, fetchRaw } from '../../support/fetch-raw.ts';
import { kcat, millrace } from '../../support/program.ts';

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'].map((codec, id) => ({ codec, id }));
const { text, lines } = readCorpus();

describe('millrace produce and consume', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await openBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  it.for(codecs)(
    'give back every line with codec $codec, kept (rule 12)',
    { timeout: 60_000 },
    async ({ codec, id }) => {
      const topic = await createTopic(broker, codec);
      await millrace(['produce', topic, '--brokers', broker.address, '-p', '0', '-z', codec], text);
      expect(codecOf(await fetchRaw(broker.address, topic, 0, 0))).toBe(id);
      const ours = await millrace(['consume', topic, '--brokers', broker.address, '-o', ':end', '-f', '%v\\n']);
      expect(ours.equals(text)).toBe(true);
      const kcats = await kcat(['-C', '-b', broker.address, '-t', topic, '-p', '0', '-e', '-q']);
      expect(kcats.equals(text)).toBe(true);
    },
  );

  it('consume as JSON one object a line, with offsets from 0 without a gap', async () => {
    const topic = await createTopic(broker, 'json');
    const some = Buffer.concat(lines.slice(0, 3_000).flatMap((line) => [line, Buffer.from('\n')]));
    await millrace(['produce', topic, '--brokers', broker.address, '-p', '0'], some);
    const printed = await millrace(['consume', topic, '--brokers', broker.address, '-o', ':end']);
    const offsets = printed
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).offset);
    expect(offsets).toEqual(Array.from({ length: 3_000 }, (_, offset) => offset));
  });
});
