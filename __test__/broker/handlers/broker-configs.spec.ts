/** Settings of the broker that are altered while it runs (rules 50, 51): in force at once, kept, in Kafka's order. */
import { describe, expect, it } from 'vitest';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { describeConfigsApi } from '../../../ts/broker/protocol/gen/32-describe-configs.gen.ts';
import { alterConfigsApi } from '../../../ts/broker/protocol/gen/33-alter-configs.gen.ts';
import { incrementalAlterConfigsApi } from '../../../ts/broker/protocol/gen/44-incremental-alter-configs.gen.ts';
import { ClientConnection } from '../../../ts/client/connection.ts';
import { Code } from '../../../ts/io/native-types.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';

const [SET, DELETE, APPEND] = [0, 1, 2];
const BROKER = 4;
const [THIS, ALL] = ['1', ''];
const LIMIT = 'message.max.bytes';
const INTERVAL = 'log.index.interval.bytes';
const [DYNAMIC, DYNAMIC_DEFAULT, STATIC, DEFAULT] = [2, 3, 4, 5];

async function change(
  harness: Harness,
  resourceName: string,
  name: string,
  value: string | null,
  more: { configOperation?: number; validateOnly?: boolean } = {},
): Promise<number | undefined> {
  const configs = [{ name, configOperation: more.configOperation ?? (value === null ? DELETE : SET), value }];
  const resources = [{ resourceType: BROKER, resourceName, configs }];
  const request = { resources, validateOnly: more.validateOnly ?? false };
  return (await harness.ask(incrementalAlterConfigsApi, 1, request)).responses[0]?.errorCode;
}

/** Value, source, and sources of what else there is of a setting. */
async function shown(harness: Harness, resourceName: string, name = LIMIT) {
  const resources = [{ resourceType: BROKER, resourceName, configurationKeys: [name] }];
  const { results } = await harness.ask(describeConfigsApi, 4, { resources, includeSynonyms: true });
  const row = results[0]?.configs[0];
  return row && [row.value, row.configSource, row.readOnly, row.synonyms.map(({ source }) => source)];
}

async function produced(harness: Harness, bytes: number): Promise<number | undefined> {
  const topicData = [{ name: 't', partitionData: [{ index: 0, records: encodeBatch([Buffer.alloc(bytes)]) }] }];
  const { responses } = await harness.ask(produceApi, 9, { acks: -1, timeoutMs: 1000, topicData });
  return responses[0]?.partitionResponses[0]?.errorCode;
}

describe('settings of the broker', () => {
  it('are in force at once for topics without their own, and no more when they are given up', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    expect(await produced(harness, 500)).toBe(0);
    expect(await change(harness, THIS, LIMIT, '300')).toBe(0);
    expect(await produced(harness, 500)).toBe(10);
    expect(await change(harness, THIS, LIMIT, null)).toBe(0);
    expect(await produced(harness, 500)).toBe(0);
  });

  it('such as the distance of index entries hold for the segments that are made from then on', async () => {
    await using harness = openHarness({}, { settleBytes: '256kb', ownSegmentBytes: '4kb', journalFileBytes: '1mb' });
    await harness.topic('t');
    const [partition = 0] = harness.broker.context.catalogue.get('t')?.partitions ?? [];
    /** Produces until the newest segment is as it should be; answers its index entries for each batch. */
    const newest = async (isMeant: (density: number) => boolean): Promise<number> => {
      for (let batch = 0; batch < 3000; batch++) {
        expect(await produced(harness, 2000)).toBe(0);
        const last = harness.engine.segments(partition).segments.at(-1);
        const density = last && last.indexEntries / (last.end - last.base);
        if (density !== undefined && isMeant(density)) return density;
      }
      throw new Error('no such segment was made');
    };
    expect(await change(harness, THIS, INTERVAL, '65536')).toBe(0);
    expect(await newest(() => true)).toBeLessThan(0.1);
    expect(await change(harness, THIS, INTERVAL, '1024')).toBe(0);
    expect(await newest((density) => density > 0.9)).toBeLessThanOrEqual(1);
    expect(await change(harness, THIS, INTERVAL, '1000'), 'below what it may be').toBe(42);
  });

  it('of this broker are stronger than those of all, those than what it was started with', async () => {
    await using harness = openHarness({ [LIMIT]: 4000 });
    expect(await shown(harness, ALL)).toBeUndefined();
    await change(harness, ALL, LIMIT, '3000');
    expect(await shown(harness, THIS)).toEqual(['3000', DYNAMIC_DEFAULT, false, [DYNAMIC_DEFAULT, STATIC, DEFAULT]]);
    await change(harness, THIS, LIMIT, '2000');
    const all = [DYNAMIC, DYNAMIC_DEFAULT, STATIC, DEFAULT];
    expect(await shown(harness, THIS)).toEqual(['2000', DYNAMIC, false, all]);
    expect(await shown(harness, ALL)).toEqual(['3000', DYNAMIC_DEFAULT, false, [DYNAMIC_DEFAULT]]);
  });

  it('are there after a power cut', async () => {
    const harness = openHarness();
    await change(harness, THIS, LIMIT, '300');
    await change(harness, ALL, 'min.durability', 'written');
    const { disk } = harness.engine;
    harness.engine.cutPower();
    await harness.broker.close();
    await using again = openHarness({}, { sim: disk });
    expect((await shown(again, THIS))?.[0]).toBe('300');
    expect((await shown(again, THIS, 'min.durability'))?.[0]).toBe('written');
    await again.topic('t');
    expect(await produced(again, 500)).toBe(10);
  });

  it('are not those of a broker with a longer number that begins alike', async () => {
    const harness = openHarness({ 'node.id': 12 });
    await change(harness, '12', LIMIT, '300');
    const { disk } = harness.engine;
    await harness.broker.close();
    harness.engine.cutPower();
    await using again = openHarness({ 'node.id': 1 }, { sim: disk });
    expect((await shown(again, THIS))?.[0]).toBe('1048588');
  });

  it('that cannot be altered, are unknown, badly given or of another broker are refused as Kafka does', async () => {
    await using harness = openHarness();
    for (const [name, value] of [
      ['num.partitions', '3'],
      ['socket.request.max.bytes', '2000000'],
      ['no.such.setting', '1'],
      [LIMIT, 'many'],
    ] as const) {
      expect(await change(harness, THIS, name, value), name).toBe(42);
    }
    expect(await change(harness, '7', LIMIT, '300')).toBe(42);
    expect(await change(harness, THIS, LIMIT, '300', { configOperation: APPEND })).toBe(40);
    expect((await shown(harness, THIS, 'num.partitions'))?.[2]).toBe(true);
    expect((await shown(harness, THIS))?.[1]).toBe(DEFAULT);
  });

  it('are only looked at when asked to validate, and stay as they are when the engine refuses', async () => {
    await using harness = openHarness();
    expect(await change(harness, THIS, LIMIT, '300', { validateOnly: true })).toBe(0);
    harness.engine.refuseNext.push(Code.noSpace);
    expect(await change(harness, THIS, LIMIT, '300')).toBe(56);
    expect((await shown(harness, THIS))?.[1]).toBe(DEFAULT);
  });

  it('that are altered at once are all altered, each on what the one before left', async () => {
    await using harness = openHarness();
    const names = [LIMIT, 'log.retention.ms', 'log.segment.bytes', 'log.roll.ms'];
    expect(await Promise.all(names.map((name) => change(harness, THIS, name, '2000000')))).toEqual([0, 0, 0, 0]);
    for (const name of names) expect((await shown(harness, THIS, name))?.[0], name).toBe('2000000');
  });

  it('are replaced as a whole by AlterConfigs', async () => {
    await using harness = openHarness();
    await change(harness, THIS, LIMIT, '300');
    const configs = [{ name: 'log.retention.ms', value: '5000' }];
    const resources = [{ resourceType: BROKER, resourceName: THIS, configs }];
    expect((await harness.ask(alterConfigsApi, 2, { resources })).responses[0]?.errorCode).toBe(0);
    expect((await shown(harness, THIS))?.[1]).toBe(DEFAULT);
    expect((await shown(harness, THIS, 'log.retention.ms'))?.[0]).toBe('5000');
  });

  it('reach the engine: how long records are kept, and when they are flushed', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    await harness.topic('own', 1, { 'retention.ms': '9' });
    const { settings, catalogue } = harness.broker.context;
    const limits = (name: string) => {
      const topic = catalogue.get(name);
      if (!topic) throw new Error('the topic is there');
      return settings.limitsOf(topic).partitions;
    };
    expect(limits('t').flush).toBeUndefined();
    await change(harness, ALL, 'log.flush.interval.ms', '50');
    await change(harness, THIS, 'log.retention.ms', '5000');
    await change(harness, THIS, 'log.segment.bytes', '2000000');
    expect(limits('t')).toMatchObject({ retentionMs: 5000, flush: { intervalMs: 50 }, segmentBytes: 2_000_000 });
    expect(limits('own')).toMatchObject({ retentionMs: 9 });
  });

  it('bound the connections at once: fewer than there are cut nobody, and let nobody else in', async () => {
    await using harness = openHarness();
    const { port } = await harness.broker.listen(0, '127.0.0.1');
    const to = { host: '127.0.0.1', port };
    await using first = await ClientConnection.open(to);
    await using second = await ClientConnection.open(to);
    expect(await change(harness, THIS, 'max.connections', '1')).toBe(0);
    await expect(ClientConnection.open(to)).rejects.toThrow();
    const ask = { resources: [] };
    expect([await first.request(describeConfigsApi, ask), await second.request(describeConfigsApi, ask)]).toHaveLength(
      2,
    );
    expect(await change(harness, THIS, 'max.connections', '3')).toBe(0);
    await using third = await ClientConnection.open(to);
    expect(third.inFlight).toBe(0);
    await expect(ClientConnection.open(to)).rejects.toThrow();
  });
});
