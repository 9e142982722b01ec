/** Quotas: which one holds, what is over it waits, and what clients are told. */
import { describe, expect, it } from 'vitest';
import { metadataApi } from '../../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { describeClientQuotasApi } from '../../../ts/broker/protocol/gen/48-describe-client-quotas.gen.ts';
import { alterClientQuotasApi } from '../../../ts/broker/protocol/gen/49-alter-client-quotas.gen.ts';
import type { QuotaEntity, QuotaKey } from '../../../ts/broker/security/quota.ts';
import { QuotaMeter } from '../../../ts/broker/security/quota-meter.ts';
import { QuotaStore } from '../../../ts/broker/security/quota-store.ts';
import { ClientConnection } from '../../../ts/client/connection.ts';
import { type Harness, openHarness } from '../support/harness.ts';
import { openWatchedEngine } from '../support/watched-engine.ts';

const RATE: QuotaKey = 'producer_byte_rate';
const CONNECTIONS: QuotaKey = 'connection_creation_rate';

async function meterOf(...quotas: (readonly [QuotaEntity, number])[]): Promise<QuotaMeter> {
  const engine = openWatchedEngine();
  const store = new QuotaStore(engine);
  const changes = quotas.map(([entity, value]) => ({ entity, values: new Map([[RATE, value]]) }));
  await new Promise<void>((resolve) => store.alter(changes, () => resolve()));
  await engine.close();
  return new QuotaMeter(store);
}

describe('a quota', () => {
  it('lets a second of it pass at once, and makes what is over it wait its time', async () => {
    const meter = await meterOf([{ user: 'a' }, 1000]);
    expect(meter.use(RATE, 'a', 'c', 1000, 5000)).toBe(0);
    expect(meter.use(RATE, 'a', 'c', 500, 5000)).toBe(500);
    expect(meter.use(RATE, 'a', 'c', 500, 5500)).toBe(500);
    expect(meter.use(RATE, 'a', 'c', 1, 9000)).toBe(0);
  });

  it('never makes a client wait more than half a minute at a time, and does not forget the rest', async () => {
    const meter = await meterOf([{ user: 'a' }, 1]);
    expect(meter.use(RATE, 'a', 'c', 100, 0)).toBe(30_000);
    expect(meter.use(RATE, 'a', 'c', 1, 30_000)).toBe(30_000);
    expect(meter.use(RATE, 'a', 'c', 1, 99_000)).toBeLessThan(3000);
  });

  it('that is most particular holds, in the order of Kafka', async () => {
    const meter = await meterOf(
      [{ user: 'a', clientId: 'c' }, 1000],
      [{ user: 'a' }, 500],
      [{ user: null }, 250],
      [{ clientId: 'c' }, 125],
      [{ clientId: null }, 100],
    );
    const wait = (user: string, client: string) => meter.use(RATE, user, client, 2000, 0);
    expect([wait('a', 'c'), wait('a', 'd'), wait('b', 'c')]).toEqual([1000, 3000, 7000]);
  });

  it('of a default is one for each client, and of a user one for all its clients', async () => {
    const byDefault = await meterOf([{ user: null }, 1000]);
    expect([byDefault.use(RATE, 'a', '', 2000, 0), byDefault.use(RATE, 'b', '', 2000, 0)]).toEqual([1000, 1000]);
    const byUser = await meterOf([{ user: 'a' }, 1000]);
    expect([byUser.use(RATE, 'a', 'x', 2000, 0), byUser.use(RATE, 'a', 'y', 1000, 0)]).toEqual([1000, 2000]);
  });

  it('is remembered of 10,000 clients at most, also where all of them owe: whoever was silent longest is forgotten', async () => {
    const meter = await meterOf([{ user: null }, 1]);
    for (let client = 0; client < 10_000; client += 1) meter.use(RATE, `u${client}`, '', 100, 0);
    meter.use(RATE, 'u0', '', 1, 0);
    meter.use(RATE, 'new', '', 100, 0);
    expect(meter.size).toBe(10_000);
    expect(meter.use(RATE, 'u0', '', 1, 90_000)).toBeGreaterThan(0);
    expect(meter.use(RATE, 'u1', '', 1, 90_000)).toBe(0);
  });

  it('of nobody costs nothing and remembers nobody', async () => {
    const meter = await meterOf();
    expect(meter.isIdle).toBe(true);
    expect(meter.use(RATE, 'a', 'c', 1e9, 0)).toBe(0);
    expect(meter.size).toBe(0);
  });

  it('keeps bounded what it remembers of clients that come once', async () => {
    const meter = await meterOf([{ clientId: null }, 1000]);
    for (let client = 0; client < 30_000; client++) meter.use(RATE, 'a', `c${client}`, 1, client * 10);
    expect(meter.size).toBeLessThanOrEqual(10_000);
  });
});

describe('quotas', () => {
  const entity = [{ entityType: 'user', entityName: 'alice' }];
  const set = (harness: Harness, ops: object[], of: object[] = entity) =>
    harness.ask(alterClientQuotasApi, 1, { entries: [{ entity: of, ops }], validateOnly: false });
  const told = async (harness: Harness, components: object[] = [], strict = false) =>
    (await harness.ask(describeClientQuotasApi, 1, { components, strict })).entries;

  it('are set, told, found by filter, removed, and there after a power cut', async () => {
    const harness = openHarness();
    await set(harness, [{ key: RATE, value: 1000.5 }]);
    await set(harness, [{ key: 'request_percentage', value: 10 }], [{ entityType: 'client-id', entityName: null }]);
    const exact = [{ entityType: 'user', matchType: 0, match: 'alice' }];
    expect(await told(harness, exact)).toEqual([{ entity, values: [{ key: RATE, value: 1000.5 }] }]);
    expect(await told(harness)).toHaveLength(2);
    expect(await told(harness, [{ entityType: 'client-id', matchType: 1 }], true)).toHaveLength(1);
    await set(harness, [{ key: 'request_percentage', remove: true }], [{ entityType: 'client-id', entityName: null }]);
    harness.engine.cutPower();
    await harness.broker.close();
    await using again = openHarness({}, { sim: harness.engine.disk });
    expect(await told(again)).toEqual([{ entity, values: [{ key: RATE, value: 1000.5 }] }]);
  });

  it.each([
    ['a key that is none', [{ key: 'speed', value: 1 }], entity],
    ['a quota of nothing', [{ key: RATE, value: 0 }], entity],
    ['a quota without end', [{ key: RATE, value: Number.POSITIVE_INFINITY }], entity],
    ['nobody', [{ key: RATE, value: 1 }], []],
    ['bytes of an address', [{ key: RATE, value: 1 }], [{ entityType: 'ip', entityName: '10.0.0.1' }]],
    ['connections of a user', [{ key: CONNECTIONS, value: 1 }], entity],
    ['half a connection', [{ key: CONNECTIONS, value: 1.5 }], [{ entityType: 'ip', entityName: null }]],
    ['an address that is none', [{ key: CONNECTIONS, value: 1 }], [{ entityType: 'ip', entityName: 'here' }]],
    [
      'a user at an address',
      [{ key: CONNECTIONS, value: 1 }],
      [...entity, { entityType: 'ip', entityName: '10.0.0.1' }],
    ],
    ['another kind of entity', [{ key: RATE, value: 1 }], [{ entityType: 'group', entityName: 'g' }]],
  ])('refuse %s', async (_name, ops, of) => {
    await using harness = openHarness();
    const { entries } = await set(harness, ops, of);
    expect(entries[0]?.errorCode).toBe(42);
    expect(await told(harness)).toEqual([]);
  });

  it('tell a client over them its wait, and take none of its requests meanwhile', async () => {
    await using harness = openHarness();
    const { port } = await harness.broker.listen(0, '127.0.0.1');
    await using client = await ClientConnection.open({ host: '127.0.0.1', port, clientId: 'greedy' });
    await using other = await ClientConnection.open({ host: '127.0.0.1', port, clientId: 'modest' });
    await set(
      harness,
      [{ key: 'request_percentage', value: 0.001 }],
      [{ entityType: 'client-id', entityName: 'greedy' }],
    );
    const first = await client.request(metadataApi, { topics: [] });
    expect(first.throttleTimeMs).toBeGreaterThan(500);
    let isAnswered = false;
    const second = client.request(metadataApi, { topics: [] }).then(() => {
      isAnswered = true;
    });
    for (let round = 0; round < 20; round++) await other.request(metadataApi, { topics: [] });
    expect(isAnswered).toBe(false);
    await second;
    expect((await other.request(metadataApi, { topics: [] })).throttleTimeMs).toBe(0);
  });
});
