/** Quotas of addresses: how many connections they may make, what is told of them, and who is refused. */
import { describe, expect, it } from 'vitest';
import { describeClientQuotasApi } from '../../../ts/broker/protocol/gen/48-describe-client-quotas.gen.ts';
import { alterClientQuotasApi } from '../../../ts/broker/protocol/gen/49-alter-client-quotas.gen.ts';
import { ConnectionRate } from '../../../ts/broker/security/connection-rate.ts';
import type { QuotaEntity } from '../../../ts/broker/security/quota.ts';
import { QuotaStore } from '../../../ts/broker/security/quota-store.ts';
import { ClientConnection } from '../../../ts/client/connection.ts';
import { type Harness, openHarness } from '../support/harness.ts';
import { openWatchedEngine } from '../support/watched-engine.ts';

const KEY = 'connection_creation_rate';

/** A rate over these quotas, at a time that the test moves. */
async function rateOf(
  ...quotas: (readonly [QuotaEntity, number])[]
): Promise<{ rate: ConnectionRate; at: (ms: number) => void }> {
  const engine = openWatchedEngine();
  const store = new QuotaStore(engine);
  const changes = quotas.map(([entity, value]) => ({ entity, values: new Map([[KEY, value] as const]) }));
  await new Promise<void>((resolve) => store.alter(changes, () => resolve()));
  await engine.close();
  let now = 1_000_000;
  return {
    rate: new ConnectionRate(store, () => now),
    at: (ms) => {
      now = 1_000_000 + ms;
    },
  };
}

/** How many of `tries` connections of an address are let in. */
function taken(rate: ConnectionRate, address: string, tries: number): number {
  return Array.from({ length: tries }, () => rate.take(address)).filter(Boolean).length;
}

async function setQuota(harness: Harness, entityName: string | null, value: number) {
  const entry = { entity: [{ entityType: 'ip', entityName }], ops: [{ key: KEY, value }] };
  const { entries } = await harness.ask(alterClientQuotasApi, 1, { entries: [entry], validateOnly: false });
  return entries[0]?.errorCode;
}

describe('a rate of connections', () => {
  it('lets a second of it come at once, and then one at a time, whoever keeps trying', async () => {
    const { rate, at } = await rateOf([{ ip: '10.0.0.1' }, 10]);
    expect(taken(rate, '10.0.0.1', 25)).toBe(10);
    at(99);
    expect(taken(rate, '10.0.0.1', 25)).toBe(0);
    at(100);
    expect(taken(rate, '10.0.0.1', 25)).toBe(1);
    at(1_000_000);
    expect(taken(rate, '10.0.0.1', 25)).toBe(10);
  });

  it('of the default is one for each address, and one of its own goes before it', async () => {
    const { rate } = await rateOf([{ ip: null }, 2], [{ ip: '10.0.0.1' }, 5]);
    expect(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((one) => taken(rate, one, 9))).toEqual([5, 2, 2]);
  });

  it('of nobody costs nothing and remembers nobody; quotas of users are not meant', async () => {
    const { rate } = await rateOf();
    expect([taken(rate, '10.0.0.1', 9), rate.size]).toEqual([9, 0]);
  });

  it('keeps bounded what it remembers of addresses that come once, also within one moment', async () => {
    const { rate } = await rateOf([{ ip: null }, 1]);
    for (let one = 0; one < 12_000; one++) rate.take(`10.${one}`);
    expect(rate.size).toBe(10_000);
    expect(rate.take('10.11999'), 'who came last is remembered').toBe(false);
  });
});

describe('a quota of an address', () => {
  it('is told in the form in which peers are known, and there after a power cut', async () => {
    const harness = openHarness();
    expect(await setQuota(harness, '0:0:0:0:0:0:0:1', 7)).toBe(0);
    expect(await setQuota(harness, '::ffff:10.0.0.1', 8)).toBe(0);
    expect(await setQuota(harness, null, 9)).toBe(0);
    harness.engine.cutPower();
    await harness.broker.close();
    await using again = openHarness({}, { sim: harness.engine.disk });
    const components = [{ entityType: 'ip', matchType: 2 }];
    const { entries } = await again.ask(describeClientQuotasApi, 1, { components, strict: true });
    const told = entries?.map(({ entity, values }) => [entity[0]?.entityName, values[0]?.value]);
    expect(new Map(told as [string | null, number][])).toEqual(
      new Map([
        ['10.0.0.1', 8],
        ['::1', 7],
        [null, 9],
      ]),
    );
  });

  it('is not asked for together with users: INVALID_REQUEST', async () => {
    await using harness = openHarness();
    const components = ['ip', 'user'].map((entityType) => ({ entityType, matchType: 2 }));
    expect((await harness.ask(describeClientQuotasApi, 1, { components, strict: false })).errorCode).toBe(42);
  });

  it('refuses connections above it, and none of those that are open', async () => {
    await using harness = openHarness();
    const { port } = await harness.broker.listen(0, '127.0.0.1');
    const to = { host: '127.0.0.1', port };
    await using open = await ClientConnection.open(to);
    expect(await setQuota(harness, '127.0.0.1', 1)).toBe(0);
    // However slow this machine is: more at once than any second has.
    const tried = await Promise.allSettled(Array.from({ length: 50 }, () => ClientConnection.open(to)));
    const refused = tried.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const one of tried) if (one.status === 'fulfilled') await one.value.close();
    const { errorCode } = await open.request(describeClientQuotasApi, { components: [], strict: false });
    expect(errorCode).toBe(0);
  });
});
