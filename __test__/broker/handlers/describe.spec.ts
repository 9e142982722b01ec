/** DescribeConfigs and ApiVersions: what is told about the broker is what is in force. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { apiVersionsApi } from '../../../ts/broker/protocol/gen/18-api-versions.gen.ts';
import { describeConfigsApi } from '../../../ts/broker/protocol/gen/32-describe-configs.gen.ts';
import { type Harness, openHarness } from '../support/harness.ts';

async function describeResource(harness: Harness, resourceType: number, resourceName: string, keys: string[] | null) {
  const resources = [{ resourceType, resourceName, configurationKeys: keys }];
  const request = { resources, includeSynonyms: true, includeDocumentation: true };
  return (await harness.ask(describeConfigsApi, 4, request)).results[0];
}

describe('describe configs', () => {
  it('returns every known key of a topic, with type and documentation (rule 50)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const result = await describeResource(harness, 2, 't', null);
    const names = result?.configs.map((config) => config.name) ?? [];
    for (const key of [
      'cleanup.policy',
      'retention.ms',
      'retention.bytes',
      'min.compaction.lag.ms',
      'min.durability',
    ]) {
      expect(names).toContain(key);
    }
    expect(result?.configs.every((config) => config.documentation !== '' && config.configType > 0)).toBe(true);
    expect(result?.configs.find((config) => config.name === 'retention.ms')).toMatchObject({
      value: '604800000',
      configSource: 5,
      configType: 5,
      synonyms: [{ name: 'log.retention.ms', value: '604800000', source: 5 }],
    });
  });

  it('keeps a value that was set to its default as the topic own (rule 50)', async () => {
    await using harness = openHarness();
    await harness.topic('t', 1, { 'retention.ms': '604800000' });
    const result = await describeResource(harness, 2, 't', ['retention.ms']);
    expect(result?.configs).toHaveLength(1);
    expect(result?.configs[0]).toMatchObject({ value: '604800000', configSource: 1 });
    expect(result?.configs[0]?.synonyms.map((synonym) => synonym.source)).toEqual([1, 5]);
  });

  it('gives the value of the broker setting to a topic that has none, in the unit of the topic', async () => {
    await using harness = openHarness({ 'log.retention.hours': 2, messageMaxBytes: 5000 });
    await harness.topic('t');
    const result = await describeResource(harness, 2, 't', ['retention.ms', 'max.message.bytes']);
    const rows = result?.configs.map(({ name, value, configSource }) => [name, value, configSource]);
    expect(rows).toEqual([
      ['max.message.bytes', '5000', 4],
      ['retention.ms', '7200000', 4],
    ]);
    expect(result?.configs[1]?.synonyms[0]).toMatchObject({ name: 'log.retention.hours', source: 4 });
  });

  it('knows the broker by its id, and the keys that user interfaces read', async () => {
    await using harness = openHarness();
    const result = await describeResource(harness, 4, '1', ['inter.broker.protocol.version', 'delete.topic.enable']);
    expect(result?.configs.map(({ name, value }) => [name, value])).toEqual([
      ['delete.topic.enable', 'true'],
      ['inter.broker.protocol.version', '3.9'],
    ]);
    expect((await describeResource(harness, 4, '2', null))?.errorCode).toBe(42);
    expect(await describeResource(harness, 4, '', null)).toMatchObject({ errorCode: 0, configs: [] });
  });

  it('answers an error for what is not there', async () => {
    await using harness = openHarness();
    expect((await describeResource(harness, 2, 'nowhere', null))?.errorCode).toBe(3);
    expect((await describeResource(harness, 2, 'a b', null))?.errorCode).toBe(17);
    expect((await describeResource(harness, 16, 'x', null))?.errorCode).toBe(42);
  });
});

describe('settings', () => {
  it('refuse unknown names, with the nearest one, and bad values', () => {
    expect(() => openHarness({ 'num.partitons': 3 })).toThrow(/unknown broker setting num.partitons/);
    expect(() => openHarness({ 'num.partition': 3 })).toThrow(/did you mean num.partitions/);
    expect(() => openHarness({ 'num.partitions': 0 })).toThrow(/at least 1/);
    expect(() => openHarness({ 'min.durability': 'maybe' })).toThrow(/one of memory, written, durable/);
  });
});

describe('api versions', () => {
  it('tells exactly what has a handler, with the two floors that old clients need', async () => {
    await using harness = openHarness();
    const reply = await harness.ask(apiVersionsApi, 4, {
      clientSoftwareName: 'a-client',
      clientSoftwareVersion: '1.2',
    });
    const told = reply.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, minVersion, maxVersion]);
    expect(told).toEqual([
      [0, 0, 13],
      [1, 4, 17],
      [2, 1, 9],
      [3, 0, 12],
      [8, 2, 9],
      [9, 1, 9],
      [10, 0, 6],
      [11, 0, 9],
      [12, 0, 4],
      [13, 0, 5],
      [14, 0, 5],
      [15, 0, 5],
      [16, 0, 5],
      [17, 0, 1],
      [18, 0, 4],
      [19, 0, 7],
      [20, 0, 6],
      [21, 0, 2],
      [22, 0, 5],
      [23, 2, 4],
      [24, 0, 3],
      [25, 0, 4],
      [26, 0, 5],
      [27, 1, 1],
      [28, 0, 5],
      [29, 1, 3],
      [30, 1, 3],
      [31, 1, 3],
      [32, 1, 4],
      [33, 0, 2],
      [35, 1, 4],
      [36, 0, 2],
      [37, 0, 3],
      [42, 0, 2],
      [43, 0, 2],
      [44, 0, 1],
      [45, 0, 1],
      [46, 0, 0],
      [47, 0, 0],
      [48, 0, 1],
      [49, 0, 1],
      [50, 0, 0],
      [51, 0, 0],
      [55, 0, 2],
      [57, 0, 2],
      [60, 0, 2],
      [61, 0, 0],
      [65, 0, 0],
      [66, 0, 2],
      [68, 0, 1],
      [69, 0, 1],
      [74, 0, 1],
      [75, 0, 0],
    ]);
    const folder = fileURLToPath(new URL('../../../ts/broker/handlers', import.meta.url));
    const files = readdirSync(folder).filter((name) => /^\d/.test(name));
    expect(files.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b)).toEqual(told.map(([key]) => key));
  });

  it('shows no feature whose lowest level is 0 (older Java clients fail on it)', async () => {
    await using harness = openHarness();
    const reply = await harness.ask(apiVersionsApi, 3, { clientSoftwareName: 'c', clientSoftwareVersion: '1' });
    expect(reply.supportedFeatures.every((feature) => feature.minVersion > 0)).toBe(true);
  });

  it('validates the name and version of the client from version 3', async () => {
    await using harness = openHarness();
    const errorOf = async (clientSoftwareName: string, version: number) =>
      (await harness.ask(apiVersionsApi, version, { clientSoftwareName, clientSoftwareVersion: '1' })).errorCode;
    expect([
      await errorOf('', 3),
      await errorOf('-x', 3),
      await errorOf('librdkafka', 3),
      await errorOf('', 2),
    ]).toEqual([42, 42, 0, 0]);
  });
});
