/** Promises of the message viewer's server side: what it finds, in which order, how far it looks, and what it never does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecordRow, ScanEnd } from '../../ts/console/api.ts';
import { dataOf, readEvents } from './event-reader.ts';
import { openScene, produceOrders, type Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await openScene();
  await produceOrders(scene, 600);
  await scene.admin.createTopics({ topics: [{ topic: 'odd', numPartitions: 1 }] });
  await scene.producer.send({
    topic: 'odd',
    messages: [
      { key: '<img src=x onerror=alert(1)>', value: '</script><script>alert(1)</script>\n\nevent: end\ndata: {}' },
      { key: Buffer.from([0xff, 0x00]), value: Buffer.from([0xc3, 0x28]) },
      { key: null, value: null },
      { key: '', value: `${'x'.repeat(1023)}äöü`.repeat(3) },
    ],
  });
});
afterAll(() => scene[Symbol.asyncDispose]());

interface Scanned {
  readonly rows: RecordRow[];
  readonly end: ScanEnd;
}

async function scan(query: string): Promise<Scanned> {
  const events = await readEvents(`${scene.url}/console/api/messages?${query}`, 'end');
  const [end] = dataOf<ScanEnd>(events, 'end');
  if (!end) throw new Error(JSON.stringify(events));
  return { rows: dataOf<RecordRow[]>(events, 'records').flat(), end };
}

describe('a scan', () => {
  it('begins with the newest of all partitions and goes on where it has stopped, with nothing missed or told twice', async () => {
    const seen: number[] = [];
    let cursor = '';
    for (let round = 0; round < 20; round += 1) {
      const { rows, end } = await scan(`topic=orders&limit=70${cursor}`);
      seen.push(...rows.map(({ timestamp }) => timestamp));
      if (end.cursor === null) break;
      cursor = `&cursor=${encodeURIComponent(JSON.stringify(end.cursor))}`;
    }
    expect(seen).toHaveLength(600);
    expect(new Set(seen).size).toBe(600);
    expect(seen.slice(0, 70)).toEqual([...seen].sort((left, right) => right - left).slice(0, 70));
  });

  it('begins with the oldest, at an offset, or at a time, when told so', async () => {
    const oldest = await scan('topic=orders&from=oldest&limit=3');
    expect(oldest.rows.map(({ key }) => key?.text)).toEqual(['customer-0', 'customer-1', 'customer-2']);
    const offset = await scan('topic=orders&from=offset&at=20&partition=1&limit=2');
    expect(offset.rows.map((row) => [row.partition, row.offset])).toEqual([
      [1, 20],
      [1, 21],
    ]);
    const at = Date.UTC(2026, 10, 22) + 590_000;
    const late = await scan(`topic=orders&from=time&at=${at}`);
    expect(late.rows.map(({ timestamp }) => timestamp)).toEqual(
      Array.from({ length: 10 }, (_, index) => at + index * 1000),
    );
  });

  it('gives only what the filter takes, and tells how much it looked through', async () => {
    const { rows, end } = await scan(
      'topic=orders&limit=1000&filter=key:customer-3 "currency":"EUR" header:source=web',
    );
    const wanted = Array.from({ length: 600 }, (_, n) => n).filter((n) => n % 17 === 3 && n % 6 === 0);
    expect(rows.map((row) => JSON.parse(row.value?.text ?? '{}').order).sort((a, b) => a - b)).toEqual(
      wanted.map((n) => 1000 + n),
    );
    expect(end).toMatchObject({ records: 600, total: 600, matches: wanted.length, reason: 'end', cursor: null });
  });

  it('stops when it has read what it may', async () => {
    const big = Array.from({ length: 24 }, (_, number) => ({ value: `${number} ${'y'.repeat(120_000)}` }));
    await scene.admin.createTopics({ topics: [{ topic: 'big', numPartitions: 1 }] });
    for (const message of big) await scene.producer.send({ topic: 'big', messages: [message] });
    const { rows, end } = await scan('topic=big&filter=nothing-has-this&budget=1&limit=16');
    expect([rows.length, end.reason]).toEqual([0, 'budget']);
    expect(end.records).toBeLessThan(24);
    expect(end.cursor).not.toBeNull();
  });

  it('carries hostile bytes as data: nothing in a record ends an event or becomes text that it is not', async () => {
    const { rows } = await scan('topic=odd&from=oldest');
    expect(rows.map(({ offset }) => offset)).toEqual([0, 1, 2, 3]);
    expect(rows[0]?.value?.text).toBe('</script><script>alert(1)</script>\n\nevent: end\ndata: {}');
    expect(rows[1]).toMatchObject({ key: { base64: '/wA=', size: 2 }, value: { base64: 'wyg=', size: 2 } });
    expect(rows[2]).toMatchObject({ key: null, value: null });
    // Cut inside a character: what is left of it is left out.
    expect(rows[3]).toMatchObject({ key: { text: '', size: 0 }, value: { text: 'x'.repeat(1023), size: 3087 } });
  });

  it('refuses what it cannot understand, in words', async () => {
    for (const [query, words] of [
      ['topic=nope', /there is no topic nope/],
      ['topic=orders&partition=9', /partition must be a whole number from 0 to 3/],
      ['topic=orders&limit=1000000', /limit must be/],
      ['topic=orders&from=offset&at=-1', /at must be/],
      ['topic=orders&cursor=%7B', /cursor is not one/],
      ['topic=orders&from=sideways', /from cannot be/],
    ] as const) {
      const events = await readEvents(`${scene.url}/console/api/messages?${query}`, 'refused');
      expect(dataOf<{ error: string }>(events, 'refused')[0]?.error, query).toMatch(words);
    }
  });
});

describe('a record', () => {
  it('is given whole, wherever it lies', async () => {
    const row = await scene.view<RecordRow>('record?topic=odd&partition=0&offset=3');
    expect(row.value?.text).toBe(`${'x'.repeat(1023)}äöü`.repeat(3));
    await expect(scene.view('record?topic=odd&partition=0&offset=99')).rejects.toThrow(/no record at 99/);
  });
});

describe('a tail', () => {
  it('tells what arrives from now on, and only what is wanted', async () => {
    const query = 'topic=odd&filter=key:wanted';
    const told = readEvents(`${scene.url}/console/api/tail?${query}`, 'records');
    // What was produced before the tail began is not in it; so produce until something is.
    let isTold = false;
    void told.finally(() => {
      isTold = true;
    });
    for (let number = 0; number < 50 && !isTold; number += 1) {
      await scene.producer.send({
        topic: 'odd',
        messages: [
          { key: 'other', value: '' },
          { key: `wanted-${number}`, value: '' },
        ],
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const rows = dataOf<RecordRow[]>(await told, 'records').flat();
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every(({ key }) => key?.text?.startsWith('wanted-'))).toBe(true);
  });
});
