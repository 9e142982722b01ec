/** Apache Kafka's own command line tools and Java clients, unmodified, against our server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, freshName, openBroker } from '../../support/broker.ts';
import { type JavaTool, javaTool } from '../../support/java-tool.ts';

const PATIENCE = { timeout: 120_000 };
const LINES = Array.from({ length: 200 }, (_, at) => `line ${at}`);

describe('the tools of Apache Kafka 4.3', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await openBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  const run = (tool: JavaTool, args: readonly string[], input = '') =>
    javaTool(tool, ['--bootstrap-server', broker.address, ...args], input);

  async function topicWithLines(codec: string): Promise<string> {
    const topic = freshName(`java-${codec}`);
    await run('topics', ['--create', '--topic', topic, '--partitions', '2']);
    await run('console-producer', ['--topic', topic, '--compression-codec', codec], `${LINES.join('\n')}\n`);
    return topic;
  }

  async function consumed(topic: string, group: string, protocol: string): Promise<string[]> {
    const wanted = ['--from-beginning', '--max-messages', String(LINES.length), '--timeout-ms', '30000'];
    const member = ['--group', group, '--command-property', `group.protocol=${protocol}`];
    const printed = await run('console-consumer', ['--topic', topic, ...wanted, ...member]);
    return printed.trimEnd().split('\n');
  }

  it('topics: create, list, describe, alter and delete', PATIENCE, async () => {
    const topic = freshName('java-topics');
    await run('topics', ['--create', '--topic', topic, '--partitions', '2', '--config', 'retention.ms=60000']);
    await run('topics', ['--alter', '--topic', topic, '--partitions', '5']);
    const described = await run('topics', ['--describe', '--topic', topic]);
    expect(described).toContain('PartitionCount: 5');
    expect(described).toContain('retention.ms=60000');
    await run('topics', ['--delete', '--topic', topic]);
    expect((await run('topics', ['--list'])).split('\n')).not.toContain(topic);
  });

  it('producer and consumer of a classic group: every line, and its group told', PATIENCE, async () => {
    const topic = await topicWithLines('lz4');
    const group = freshName('classic');
    expect((await consumed(topic, group, 'classic')).sort()).toEqual([...LINES].sort());
    const described = await run('consumer-groups', ['--describe', '--group', group]);
    const rows = described.split('\n').filter((line) => line.includes(topic));
    const lags = rows.map((line) => line.trim().split(/\s+/)[5]);
    expect(lags).toEqual(['0', '0']);
  });

  it('consumer of a group of the newer protocol (rule 45): every line, and its offsets reset', PATIENCE, async () => {
    const topic = await topicWithLines('zstd');
    const group = freshName('newer');
    expect((await consumed(topic, group, 'consumer')).sort()).toEqual([...LINES].sort());
    const reset = ['--reset-offsets', '--group', group, '--topic', topic, '--to-earliest', '--execute'];
    await run('consumer-groups', reset);
    expect((await consumed(topic, group, 'consumer')).sort()).toEqual([...LINES].sort());
  });

  it('configs: alter and describe a topic', PATIENCE, async () => {
    const topic = freshName('java-configs');
    await run('topics', ['--create', '--topic', topic]);
    const entity = ['--entity-type', 'topics', '--entity-name', topic];
    await run('configs', ['--alter', ...entity, '--add-config', 'max.message.bytes=5000']);
    expect(await run('configs', ['--describe', ...entity])).toContain('max.message.bytes=5000');
    await run('configs', ['--alter', ...entity, '--delete-config', 'max.message.bytes']);
    expect(await run('configs', ['--describe', ...entity])).not.toContain('max.message.bytes=5000');
  });

  it('configs: alter and describe the broker and the default of all while it runs', PATIENCE, async () => {
    const [one, all] = [['--entity-name', '1'], ['--entity-default']].map((who) => [
      '--entity-type',
      'brokers',
      ...who,
    ]);
    await run('configs', ['--alter', ...(one ?? []), '--add-config', 'message.max.bytes=2000000']);
    await run('configs', [
      '--alter',
      ...(all ?? []),
      '--add-config',
      'message.max.bytes=3000000,log.retention.ms=70000',
    ]);
    const described = await run('configs', ['--describe', ...(one ?? [])]);
    expect(described).toContain('message.max.bytes=2000000');
    expect(described).toContain('DYNAMIC_DEFAULT_BROKER_CONFIG:message.max.bytes=3000000');
    expect(await run('configs', ['--describe', ...(all ?? [])])).toContain('log.retention.ms=70000');
    await run('configs', ['--alter', ...(one ?? []), '--delete-config', 'message.max.bytes']);
    await run('configs', ['--alter', ...(all ?? []), '--delete-config', 'message.max.bytes,log.retention.ms']);
    expect(await run('configs', ['--describe', ...(all ?? [])])).not.toContain('log.retention.ms');
  });

  it(
    'transactions (KIP-890): many of a perf producer, described, listed, and read as committed',
    PATIENCE,
    async () => {
      const topic = freshName('java-transactions');
      const id = freshName('perf');
      await run('topics', ['--create', '--topic', topic, '--partitions', '3']);
      const printed = await javaTool('producer-perf-test', [
        ...['--topic', topic, '--num-records', '3000', '--record-size', '100', '--throughput', '3000'],
        ...['--transactional-id', id, '--transaction-duration-ms', '50'],
        ...['--producer-props', `bootstrap.servers=${broker.address}`],
      ]);
      expect(printed).toContain('3000 records sent');
      const wanted = ['--from-beginning', '--max-messages', '3000', '--timeout-ms', '30000'];
      const read = await run('console-consumer', ['--topic', topic, ...wanted, '--isolation-level', 'read_committed']);
      expect(read.trimEnd().split('\n')).toHaveLength(3000);
      const described = await run('transactions', ['describe', '--transactional-id', id]);
      // An epoch a transaction: the producer has got a new one with every end.
      const [, , , epoch, state] = described.trimEnd().split('\n').at(-1)?.trim().split(/\s+/) ?? [];
      expect(state).toBe('CompleteCommit');
      expect(Number(epoch)).toBeGreaterThan(3);
      expect(await run('transactions', ['list'])).toContain(id);
      const producers = await run('transactions', ['describe-producers', '--topic', topic, '--partition', '0']);
      expect(producers.trimEnd().split('\n')).toHaveLength(2);
    },
  );

  it('log directories, quorum and features: what there is of one node', PATIENCE, async () => {
    const topic = freshName('java-cluster');
    await run('topics', ['--create', '--topic', topic]);
    const directories = await run('log-dirs', ['--describe', '--topic-list', topic]);
    expect(directories).toContain(`"partition":"${topic}-0"`);
    expect(await run('metadata-quorum', ['describe', '--status'])).toContain('CurrentVoters');
    expect(await run('features', ['describe'])).toMatch(/transaction\.version.*FinalizedVersionLevel: 2/);
  });

  it('producer perf test with acks=all, and the offsets it leaves', PATIENCE, async () => {
    const topic = freshName('java-perf');
    await run('topics', ['--create', '--topic', topic]);
    const load = ['--topic', topic, '--num-records', '20000', '--record-size', '200', '--throughput', '-1'];
    const printed = await javaTool('producer-perf-test', [
      ...load,
      ...['--producer-props', `bootstrap.servers=${broker.address}`, 'acks=all', 'compression.type=snappy'],
    ]);
    expect(printed).toContain('20000 records sent');
    expect(await run('get-offsets', ['--topic', topic])).toContain(`${topic}:0:20000`);
  });
});
