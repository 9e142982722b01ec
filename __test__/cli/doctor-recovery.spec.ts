/** Promises of the account of an opening: in the API, as a file, and in doctor. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgeRecovery } from '../../ts/doctor/recovery.ts';
import { openLog } from '../../ts/index.ts';
import { SimulatedDisk } from '../../ts/testing/index.ts';
import { scratch } from '../support/scratch.ts';

describe('the account of an opening', () => {
  it('says that a directory is new, then that it was closed cleanly, and doctor says so too', async () => {
    using folder = scratch('recovery');
    const dir = join(folder.path, 'data');
    expect(judgeRecovery(dir)).toBeUndefined();
    {
      await using log = await openLog(dir);
      expect(log.recovery).toMatchObject({ ended: 'first', clean: true });
    }
    await using log = await openLog(dir);
    expect(log.recovery.ended).toBe('clean');
    const { incarnation } = log.recovery;
    const file = JSON.parse(readFileSync(join(dir, 'recovery', `${incarnation}.json`), 'utf8'));
    expect(file).toMatchObject({ version: 1, incarnation, ended: 'clean', cutFrames: 0, damage: [] });
    expect(judgeRecovery(dir)).toMatchObject({ check: 'last recovery', verdict: 'OK' });
  });

  it('tells a power cut from a kill, and of each partition what was kept and proven, by topic', async () => {
    using disk = new SimulatedDisk(4);
    const log = await disk.openLog();
    const topic = await log.topic('orders', { partitions: 2 });
    for (let index = 0; index < 5; index++) await topic.append({ value: `${index}` }, { partition: 1 });
    using killed = disk.fork(9);
    disk.cutPower();
    await log.close().catch(() => undefined);
    {
      await using again = await disk.openLog();
      expect(again.recovery).toMatchObject({ ended: 'machine', clean: false, damage: [] });
      const details = again.recoveryDetails();
      expect(details.keptLsn).toBeGreaterThanOrEqual(details.durableLsn);
      const orders = details.partitions.find((one) => one.topic === 'orders' && one.index === 1);
      expect(orders).toMatchObject({ logEnd: 5, lost: [] });
      expect(orders?.provenEnd).toBeLessThanOrEqual(5);
    }
    await using restarted = await killed.openLog();
    expect(restarted.recovery.ended).toBe('process');
    expect(restarted.recovery.verdict).toContain('nothing acknowledged as written or durable is lost');
  });
});
