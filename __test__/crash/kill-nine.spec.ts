/** kill -9 under load, ten times for each flush policy: whatever was acknowledged is there, where it was acknowledged. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Random, seeded } from '../support/random.ts';
import { scratch } from '../support/scratch.ts';
import { freePort, type ServerOptions, startServer } from '../support/server.ts';
import { Workload } from './workload.ts';

const KILLS = 10;
const policies = ['always', 'records=100', 'bytes=64kb', 'interval=50ms', 'os'];

/** Loads a fresh start of the server until a random moment, kills it, and checks what the next start knows. */
async function killOnce(options: ServerOptions, workload: Workload, random: Random): Promise<void> {
  await using server = await startServer(options);
  await workload.check(server.address);
  let isKilled = false;
  const load = workload.run(server.address, () => isKilled);
  await Promise.race([load, new Promise((resolve) => setTimeout(resolve, random.between(5, 300)))]);
  isKilled = true;
  await server.kill();
  await load;
}

/** Kills a start before it is ready, somewhere in loading, recovering or listening. */
async function killWhileStarting(options: ServerOptions, random: Random): Promise<void> {
  const killed = startServer({ ...options, killAfterMs: random.between(0, 250) });
  await using server = await killed.catch(() => undefined);
  await server?.kill();
}

describe('kill -9 under load', () => {
  it.for(policies)('loses nothing acknowledged with the policy %s', { timeout: 60_000 }, async (flush) => {
    await seeded(`loses nothing acknowledged with the policy ${flush}`, async (random) => {
      using directory = scratch('kill');
      const options = { directory: join(directory.path, 'data'), flush, port: await freePort() };
      const workload = new Workload(random);
      {
        await using first = await startServer(options);
        await workload.prepare(first.address);
      }
      for (let kill = 0; kill < KILLS; kill += 1) {
        if (random.fraction() < 0.2) await killWhileStarting(options, random);
        await killOnce(options, workload, random);
      }
      await using last = await startServer(options);
      await workload.check(last.address);
      expect(workload.acknowledged).toBeGreaterThan(KILLS * 10);
      expect(await last.stop()).toBe(0);
    });
  });
});
