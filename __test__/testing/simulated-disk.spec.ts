/** Promises of the simulated disk as tests hold it: what was durable survives every cut, faults come when asked for. */
import { afterEach, describe, expect, it } from 'vitest';
import { SimulatedDisk } from '../../ts/testing/index.ts';

let disk: SimulatedDisk;
afterEach(() => disk[Symbol.dispose]());

async function append(values: readonly string[], durability: 'written' | 'durable'): Promise<void> {
  const log = await disk.openLog({ flush: 'os' });
  const topic = await log.topic('t', { partitions: 1 });
  for (const value of values) await topic.append({ value }, { durability });
}

async function readBack(on = disk): Promise<string[]> {
  const log = await on.openLog();
  const found: string[] = [];
  for await (const batch of (await log.topic('t', { partitions: 1 })).read({ from: 'earliest', follow: false })) {
    for (const { value } of batch.records()) found.push(String(value));
  }
  await log.close();
  return found;
}

const letters = ['a', 'b', 'c', 'd', 'e'];

describe('a power cut', () => {
  it('takes nothing that was durable, at any seed', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      disk = new SimulatedDisk(seed);
      await append(letters, 'durable');
      disk.cutPower();
      expect(await readBack(), `seed ${seed}`).toEqual(letters);
      disk[Symbol.dispose]();
    }
  });

  it('leaves a prefix of what was only written, and at some seed not all of it', async () => {
    const left = new Set<number>();
    for (let seed = 1; seed <= 30; seed += 1) {
      disk = new SimulatedDisk(seed);
      await append(letters, 'written');
      disk.cutPower();
      const found = await readBack();
      expect(found, `seed ${seed}`).toEqual(letters.slice(0, found.length));
      left.add(found.length);
      disk[Symbol.dispose]();
    }
    expect(left.size).toBeGreaterThan(1);
  });

  it('tells whoever waits that the outcome is unknown', async () => {
    disk = new SimulatedDisk();
    const log = await disk.openLog();
    const topic = await log.topic('t', { partitions: 1 });
    disk.hold();
    const waiting = topic.append({ value: 'x' });
    await new Promise((resolve) => setTimeout(resolve, 10));
    disk.cutPower();
    await expect(waiting).rejects.toMatchObject({ code: 'MILLRACE_OUTCOME_UNKNOWN', retriable: false });
  });

  it('happens in as many ways as there are forks of one past', async () => {
    disk = new SimulatedDisk(7);
    await append(letters, 'written');
    const left = new Set<number>();
    for (let seed = 0; seed < 30; seed += 1) {
      using future = disk.fork(seed);
      future.cutPower();
      const found = await readBack(future);
      expect(found).toEqual(letters.slice(0, found.length));
      left.add(found.length);
    }
    expect(left.size).toBeGreaterThan(1);
  });

  it('is not what kill -9 is: a fork that is opened as it is has everything that was written', async () => {
    disk = new SimulatedDisk(7);
    await append(letters, 'written');
    using killed = disk.fork(1);
    expect(await readBack(killed)).toEqual(letters);
  });
});

describe('faults', () => {
  it('make a failed flush final, and reopening shows what is really there', async () => {
    disk = new SimulatedDisk();
    const log = await disk.openLog();
    const topic = await log.topic('t', { partitions: 1 });
    await topic.append({ value: 'kept' });
    disk.failFlushes();
    await expect(topic.append({ value: 'unknown' })).rejects.toMatchObject({ code: 'MILLRACE_OUTCOME_UNKNOWN' });
    disk.heal();
    await expect(topic.append({ value: 'refused' })).rejects.toMatchObject({ code: 'MILLRACE_POISONED' });
    await log.close();
    const found = await readBack();
    expect(found[0]).toBe('kept');
    expect(found).not.toContain('refused');
  });

  it('come at the operation they were asked for at', async () => {
    disk = new SimulatedDisk();
    const log = await disk.openLog();
    const topic = await log.topic('t', { partitions: 1 });
    disk.failOperation({ after: 1, error: 'EIO', sticky: true });
    const before = disk.operations;
    await expect(topic.append({ value: 'x' })).rejects.toMatchObject({ code: 'MILLRACE_OUTCOME_UNKNOWN' });
    expect(disk.operations).toBeGreaterThan(before);
    await log.close();
  });

  it('let everything wait while the disk is held, and go on where it was', async () => {
    disk = new SimulatedDisk();
    const log = await disk.openLog();
    const topic = await log.topic('t', { partitions: 1 });
    disk.hold();
    let done = false;
    const waiting = topic.append({ value: 'x' }).then(() => {
      done = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(done).toBe(false);
    disk.release();
    await waiting;
    await log.close();
  });

  it('damage a byte, which is reported with file and position and costs only its batch', async () => {
    disk = new SimulatedDisk();
    await append(letters, 'durable');
    const [journal = ''] = disk.files().filter((name) => name.startsWith('journal/'));
    const bytes = disk.readFile(journal) as Buffer;
    const position = bytes.indexOf('c', 4096);
    expect(disk.flipBit(journal, bytes.length + 1)).toBe(false);
    expect(disk.flipBit('nothing', 0)).toBe(false);
    disk.cutPower();
    expect(disk.flipBit(journal, position)).toBe(true);
    const log = await disk.openLog();
    expect(log.recovery.damage.length).toBeGreaterThan(0);
    expect(log.recovery.damage[0]?.file).toContain('journal');
    await log.close();
  });

  it('are refused when they make no sense', () => {
    disk = new SimulatedDisk();
    expect(() => new SimulatedDisk(-1)).toThrowError(/seed/);
    expect(() => disk.failOperation({ after: 1.5 })).toThrowError(/after/);
    expect(() => disk.failOperation({ error: 'EODD' as 'EIO' })).toThrowError(/EODD/);
    expect(() => disk.advance(Number.NaN)).toThrowError(/ms/);
  });
});

describe('the clock', () => {
  it('stamps records and can be moved', async () => {
    disk = new SimulatedDisk();
    const noon = Date.parse('2030-01-01T12:00:00Z');
    disk.jumpClock(noon - disk.wallMs);
    expect(Math.abs(disk.wallMs - noon)).toBeLessThan(2);
    disk.advance(3_600_000);
    expect(disk.wallMs - noon).toBeGreaterThanOrEqual(3_600_000);
  });
});
