/**
 * Histories of concurrent clients under faults, without an anomaly of any class: kill -9 and dropped connections of a
 * serving process, power cuts of the simulated disk under a broker in this one.
 *
 * To remember: MILLRACE_KILLS and MILLRACE_CUTS are the numbers of faults; the histories grow with them.
 */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTopicsApi } from '../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { type Harness, openHarness } from '../broker/support/harness.ts';
import { ask } from '../support/ask.ts';
import { seeded } from '../support/random.ts';
import { scratch } from '../support/scratch.ts';
import { freePort, startServer } from '../support/server.ts';
import { WireConnection } from '../support/wire.ts';
import { anomaliesOf } from './checker.ts';
import { type Connection, Gone, PARTITIONS, resting, TOPIC, type World } from './clients.ts';
import { Recorder } from './history.ts';
import { readAll, runClients, summary } from './workload.ts';

const KILLS = Number(process.env.MILLRACE_KILLS ?? 3);
const CUTS = Number(process.env.MILLRACE_CUTS ?? 12);
const [LEAST_MS, MOST_MS] = [150, 400];
const ANSWER_LIMIT_MS = 10_000;

async function makeTopic(connection: Connection): Promise<void> {
  const topics = [{ name: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1, assignments: [], configs: [] }];
  const { topics: rows } = await connection.ask(createTopicsApi, 5, { topics, timeoutMs: 10_000 });
  expect(rows[0]?.errorCode).toBe(0);
}

/** Checks a history, and that it is one worth checking. */
function judge(operations: Parameters<typeof anomaliesOf>[0], faults: number): void {
  process.stdout.write(`history: ${summary(operations)}\n`);
  expect(anomaliesOf(operations).slice(0, 10)).toEqual([]);
  const done = (kind: (one: (typeof operations)[number]) => boolean) =>
    operations.filter((one) => one.outcome === 'ok' && kind(one)).length;
  expect(done(({ sends }) => sends.length === 1)).toBeGreaterThan(faults);
  expect(done(({ transaction }) => transaction !== undefined)).toBeGreaterThan(faults);
  expect(done(({ committed }) => committed !== undefined)).toBeGreaterThan(0);
}

/** A connection over the wire; what goes wrong with it is `Gone`. */
class Wire implements Connection {
  readonly #wire: WireConnection;

  constructor(wire: WireConnection) {
    this.#wire = wire;
  }

  ask: Connection['ask'] = async (api, version, request) => {
    try {
      return await ask(this.#wire, api, version, request);
    } catch (error) {
      if (this.#wire.closed) throw new Gone('the connection ended');
      throw error;
    }
  };

  [Symbol.dispose](): void {
    this.#wire[Symbol.dispose]();
  }
}

/** Tells that an answer is missing, rather than waiting for it for ever. */
function silence(what: string): { told: Promise<never>; off: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const told = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer to ${what}`)), ANSWER_LIMIT_MS);
  });
  return { told, off: () => clearTimeout(timer) };
}

const LIMIT = { timeout: 60_000 + (KILLS + CUTS) * 5_000 };

it('shows no anomaly though the server is killed and connections are dropped', LIMIT, async () => {
  await seeded('shows no anomaly though the server is killed', async (random) => {
    using directory = scratch('history');
    const options = { directory: join(directory.path, 'data'), port: await freePort() };
    const address = `127.0.0.1:${options.port}`;
    const open = new Set<WireConnection>();
    let isOver = false;
    const world: World = {
      recorder: new Recorder(),
      countsDurableReadsOnly: false,
      random,
      get isOver() {
        return isOver;
      },
      async connect() {
        const wire = await WireConnection.open(address).catch(() => undefined);
        if (wire === undefined) throw new Gone('nobody listens');
        open.add(wire);
        return new Wire(wire);
      },
    };
    let running: Promise<void> | undefined;
    for (let kill = 0; kill < KILLS; kill += 1) {
      await using server = await startServer(options);
      if (running === undefined) {
        using connection = await world.connect();
        await makeTopic(connection);
        running = runClients(world);
        void running.catch(() => undefined);
      }
      for (let drop = 0; drop < 3; drop += 1) {
        await Promise.race([running, resting(random.between(LEAST_MS, MOST_MS) / 3)]);
        for (const wire of open) if (random.fraction() < 0.3) wire[Symbol.dispose]();
      }
      await server.kill();
    }
    await using last = await startServer(options);
    await Promise.race([running, resting(MOST_MS)]);
    isOver = true;
    await running;
    using connection = await world.connect();
    judge(await readAll(world, connection), KILLS);
    expect(await last.stop()).toBe(0);
  });
});

it('shows no anomaly though the power is cut under the broker', LIMIT, async () => {
  await seeded('shows no anomaly though the power is cut', async (random) => {
    let isOver = false;
    /** The broker that stands now, with who is told of its end. */
    let standing: { harness: Harness; ended: Promise<never>; end: () => void } | undefined;
    const stand = (harness: Harness) => {
      let end: () => void = () => undefined;
      const ended = new Promise<never>((_, reject) => {
        end = () => reject(new Gone('the power was cut'));
      });
      ended.catch(() => undefined);
      standing = { harness, ended, end };
      return standing;
    };
    const world: World = {
      recorder: new Recorder(),
      countsDurableReadsOnly: true,
      random,
      get isOver() {
        return isOver;
      },
      async connect() {
        const now = standing;
        if (now === undefined) throw new Gone('no broker stands');
        return {
          async ask(api, version, request) {
            if (standing !== now) throw new Gone('another broker stands');
            // What is answered at once must not starve timers: the loop gets its turn.
            await new Promise((resolve) => setImmediate(resolve));
            const late = silence(`${api.name} version ${version}`);
            try {
              return await Promise.race([now.harness.ask(api, version, request), now.ended, late.told]);
            } finally {
              late.off();
            }
          },
          [Symbol.dispose]() {},
        };
      },
    };
    let { harness, end } = stand(openHarness());
    {
      using connection = await world.connect();
      await makeTopic(connection);
    }
    const running = runClients(world);
    void running.catch(() => undefined);
    for (let cut = 0; cut < CUTS; cut += 1) {
      await Promise.race([running, resting(random.between(LEAST_MS, MOST_MS) / 2)]);
      const { disk } = harness.engine;
      standing = undefined;
      harness.engine.cutPower();
      end();
      await harness.broker.close();
      ({ harness, end } = stand(openHarness({}, { sim: disk })));
    }
    await Promise.race([running, resting(MOST_MS)]);
    isOver = true;
    await running;
    using connection = await world.connect();
    judge(await readAll(world, connection), CUTS);
    await harness[Symbol.asyncDispose]();
  });
});
