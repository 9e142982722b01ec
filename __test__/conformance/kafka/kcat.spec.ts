/** kcat (librdkafka 2.0) writes and reads the whole corpus with every codec it has; our command line reads the same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, createTopic, freshName, openBroker } from '../../support/broker.ts';
import { readCorpus } from '../../support/corpus.ts';
import { codecOf, fetchRaw } from '../../support/fetch-raw.ts';
import { kcat, millrace } from '../../support/program.ts';

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'].map((codec, id) => ({ codec, id }));
const { lines } = readCorpus();
/** kcat drops an empty line that has no key, so every line goes with its number as key. */
const keyed = Buffer.concat(lines.flatMap((line, index) => [Buffer.from(`${index}\t`), line, Buffer.from('\n')]));

describe('kcat', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await openBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  it.for(codecs)('gets back every line it sent with codec $codec', async ({ codec, id }) => {
    const topic = await createTopic(broker, codec);
    await kcat(['-P', '-b', broker.address, '-t', topic, '-p', '0', '-z', codec, '-K', '\t'], keyed);
    expect(codecOf(await fetchRaw(broker.address, topic, 0, 0))).toBe(id);
    const back = await kcat(['-C', '-b', broker.address, '-t', topic, '-p', '0', '-e', '-q', '-K', '\t']);
    expect(back.equals(keyed)).toBe(true);
    const ours = await millrace(['consume', topic, '--brokers', broker.address, '-o', ':end', '-f', '%k\\t%v\\n']);
    expect(ours.equals(keyed)).toBe(true);
  });

  it('finds offsets by query and reads from the middle and from the end', async () => {
    const topic = await createTopic(broker, 'middle');
    await kcat(['-P', '-b', broker.address, '-t', topic, '-p', '0'], Buffer.from('a\nb\nc\nd\ne\n'));
    const read = (from: string) => kcat(['-C', '-b', broker.address, '-t', topic, '-p', '0', '-e', '-q', '-o', from]);
    expect((await read('2')).toString()).toBe('c\nd\ne\n');
    expect((await read('-2')).toString()).toBe('d\ne\n');
    expect((await read('end')).toString()).toBe('');
    const end = await kcat(['-Q', '-b', broker.address, '-t', `${topic}:0:-1`]);
    expect(end.toString()).toContain(`${topic} [0] offset 5`);
  });

  it('keeps headers and empty values, and is idempotent when asked', async () => {
    const topic = await createTopic(broker, 'headers');
    const settings = ['-X', 'enable.idempotence=true', '-X', 'queue.buffering.max.ms=1'];
    const to = [
      '-P',
      '-b',
      broker.address,
      '-t',
      topic,
      '-p',
      '0',
      ...settings,
      '-H',
      'a=1',
      '-H',
      'a=2',
      '-Z',
      '-K',
      ':',
    ];
    await kcat(to, Buffer.from('k:\nl:v\n'));
    const found = await kcat(['-C', '-b', broker.address, '-t', topic, '-p', '0', '-e', '-q', '-f', '%k %S %h|']);
    expect(found.toString()).toBe('k -1 a=1,a=2|l 1 a=1,a=2|');
  });

  it('commits a transaction of its own, which readers of committed data see as a whole', async () => {
    const topic = await createTopic(broker, 'transaction', 2);
    const to = ['-P', '-b', broker.address, '-t', topic, '-X', `transactional.id=${freshName('kcat')}`];
    await kcat(to, Buffer.from('a\nb\nc\n'));
    const read = ['-C', '-b', broker.address, '-t', topic, '-e', '-q', '-X', 'isolation.level=read_committed'];
    expect((await kcat(read)).toString().trim().split('\n').sort()).toEqual(['a', 'b', 'c']);
  });

  it('reads as a group, every line once, and goes on where it committed', async () => {
    const topic = await createTopic(broker, 'group', 4);
    const group = freshName('kcats');
    const write = (from: number) =>
      kcat(
        ['-P', '-b', broker.address, '-t', topic, '-K', ':'],
        Buffer.from(Array.from({ length: 100 }, (_, at) => `${from + at}:${from + at}\n`).join('')),
      );
    const settings = ['-X', 'auto.offset.reset=earliest', '-X', 'session.timeout.ms=10000'];
    const member = (count: number) =>
      kcat(['-G', group, '-b', broker.address, ...settings, '-q', '-u', '-c', String(count), topic]);
    await write(0);
    const first = (await member(100)).toString();
    await write(100);
    const rest = (await member(100)).toString();
    const numbers = (text: string) => text.trim().split('\n').map(Number);
    expect(numbers(first).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, at) => at));
    expect(numbers(rest).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, at) => 100 + at));
  });

  it('lists a topic with its partitions and a leader for each', async () => {
    const topic = await createTopic(broker, 'listed');
    await kcat(['-P', '-b', broker.address, '-t', topic, '-p', '0'], Buffer.from('a\n'));
    const listed = JSON.parse((await kcat(['-L', '-J', '-b', broker.address, '-t', topic])).toString());
    expect(listed.topics).toMatchObject([{ topic, partitions: [{ partition: 0 }] }]);
    const nodes = listed.brokers.map((node: { id: number }) => node.id);
    expect(nodes).toContain(listed.topics[0].partitions[0].leader);
  });
});
