/** A full disk and a full memory as Redis clients see them: an error in Redis' words, and the connection stays. */
import { describe, expect, it } from 'vitest';
import { SimulatedDisk } from '../../ts/testing/index.ts';
import { RespConnection } from './support/resp-connection.ts';

const VALUE = 'x'.repeat(8000);
const isMisconf = { error: expect.stringMatching(/^MISCONF Errors writing to the AOF file/) };

/** Sets keys until one is refused; answers how many were taken, and the refusal. */
async function fill(client: RespConnection): Promise<{ taken: number; refusal: unknown }> {
  for (let taken = 0; taken < 5000; taken += 1) {
    const reply = await client.run('SET', `key:${taken}`, VALUE);
    if (reply !== 'OK') return { taken, refusal: reply };
  }
  throw new Error('5000 values were taken');
}

describe('a full disk', () => {
  it('refuses writes with MISCONF, answers reads, and takes writes again when there is space', async () => {
    using disk = new SimulatedDisk(7);
    const lines: string[] = [];
    await using server = await disk.serve({ redis: { port: 0 }, print: (line) => void lines.push(line) });
    using client = await RespConnection.open(server.redis?.port ?? 0);
    expect(await client.run('SET', 'first', '1')).toBe('OK');
    disk.fill();
    const { taken, refusal } = await fill(client);
    expect(taken).toBeGreaterThan(10);
    expect(refusal).toMatchObject(isMisconf);
    expect(await client.run('GET', 'first')).toBe('1');
    expect(await client.run('GET', `key:${taken - 1}`)).toBe(VALUE);
    expect(await client.run('GET', `key:${taken}`)).toBe(null);
    await client.run('MULTI');
    expect(await client.run('SET', 'in', 'exec')).toMatchObject(isMisconf);
    expect(await client.run('EXEC')).toMatchObject({ error: expect.stringMatching(/^EXECABORT/) });
    expect(lines.filter((line) => line.includes('refused'))).toHaveLength(1);
    disk.heal();
    await expect.poll(() => client.run('SET', 'first', '2'), { timeout: 10_000, interval: 200 }).toBe('OK');
    expect(await client.run('GET', 'first')).toBe('2');
    expect(lines.filter((line) => line.includes('taken again'))).toHaveLength(1);
  });

  it('answers every command of a refused turn, and no connection hears of a write that was not done', async () => {
    using disk = new SimulatedDisk(8);
    await using server = await disk.serve({ redis: { port: 0 } });
    using writer = await RespConnection.open(server.redis?.port ?? 0);
    using reader = await RespConnection.open(server.redis?.port ?? 0);
    disk.fill();
    await fill(writer);
    // The next write is tried again: whoever shares its turn must not see it.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const replies = await Promise.all([
      writer.run('APPEND', 'ghost', VALUE),
      reader.run('GET', 'ghost'),
      reader.run('APPEND', 'ghost', VALUE),
      writer.run('GET', 'ghost'),
    ]);
    expect(replies[0]).toMatchObject(isMisconf);
    for (const reply of replies) {
      if (reply !== null) expect(reply).toMatchObject(isMisconf);
    }
    expect(await reader.run('EXISTS', 'ghost')).toBe(0);
  });

  it('answers a client that waited for an element with an error when the frame that gave it one is refused', async () => {
    using disk = new SimulatedDisk(9);
    await using server = await disk.serve({ redis: { port: 0 } });
    using writer = await RespConnection.open(server.redis?.port ?? 0);
    using waiting = await RespConnection.open(server.redis?.port ?? 0);
    disk.fill();
    await fill(writer);
    const popped = waiting.run('BLPOP', 'list', '0');
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await writer.run('RPUSH', 'list', VALUE)).toMatchObject(isMisconf);
    expect(await popped).toMatchObject(isMisconf);
    expect(await waiting.run('LLEN', 'list')).toBe(0);
    disk.heal();
    const again = waiting.run('BLPOP', 'list', '0');
    await expect.poll(() => writer.run('RPUSH', 'list', 'x'), { timeout: 10_000, interval: 200 }).toBe(1);
    expect(await again).toEqual(['list', 'x']);
  });
});
