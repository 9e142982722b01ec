/** Promises of keys in the console: a tree that shows each key once, values as they are, deletion as it was shown. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeleteAnswer, KeysView, StoreRow, ValueView } from '../../ts/console/api.ts';
import { openScene, putKeys, type Scene } from './scene.ts';

let scene: Scene;
const expiresMs = Date.now() + 3_600_000;

beforeAll(async () => {
  scene = await openScene({ console: { write: true } }, { redis: { port: 0 } });
  const many = Array.from({ length: 1500 }, (_, number) => [`many:${String(number).padStart(4, '0')}`, 'x'] as const);
  await putKeys(scene, 'tree', [
    ['a', 'first'],
    ['b:1', 'one'],
    ['b:2:x', 'deep'],
    ['b:2:y', 'deeper', expiresMs],
    ['b:', 'ends with a colon'],
    ['c\u0001', 'odd'],
    ['zz', 'last'],
    ...many,
  ]);
});
afterAll(() => scene[Symbol.asyncDispose]());

const id = (key: string): string => Buffer.from(key).toString('base64url');

async function level(prefix: string, more = ''): Promise<[prefixes: string[], keys: string[], next: string | null]> {
  const view = await scene.view<KeysView>(`keys?store=tree&prefix=${id(prefix)}${more}`);
  const names = (rows: readonly { readonly id: string }[]): string[] =>
    rows.map((row) => Buffer.from(row.id, 'base64url').toString());
  return [names(view.prefixes), names(view.keys), view.next];
}

async function remove(body: object): Promise<DeleteAnswer> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await scene.ask('/console/api/delete-keys', { method: 'POST', headers, body: JSON.stringify(body) });
  const answer = (await response.json()) as DeleteAnswer & { error?: string };
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

/** Sends commands as lines and resolves when as many replies have come. */
function redis(...commands: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(scene.server.redis?.port ?? 0, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
      if (text.split('\r\n').length > commands.length) socket.end(() => resolve(text));
    });
    socket.on('error', reject);
    socket.write(commands.map((command) => `${command}\r\n`).join(''));
  });
}

describe('the tree of keys', () => {
  it('shows at each level the keys and the prefixes below, each once', async () => {
    expect(await level('')).toEqual([['b:', 'many:'], ['a', 'c\u0001', 'zz'], null]);
    expect(await level('b:')).toEqual([['b:2:'], ['b:', 'b:1'], null]);
    expect(await level('b:2:')).toEqual([[], ['b:2:x', 'b:2:y'], null]);
    expect(await level('nothing:')).toEqual([[], [], null]);
  });

  it('counts what lies below a prefix, up to a thousand', async () => {
    const { prefixes } = await scene.view<KeysView>('keys?store=tree');
    expect(prefixes.map(({ keys, isMore }) => [keys, isMore])).toEqual([
      [4, false],
      [1000, true],
    ]);
  });

  it('is gone through page by page with nothing missed or told twice', async () => {
    const seen: string[] = [];
    let more = '&limit=400';
    for (let page = 0; page < 10; page += 1) {
      const [, keys, next] = await level('many:', more);
      seen.push(...keys);
      if (next === null) break;
      more = `&limit=400&after=${next}`;
    }
    expect(seen).toEqual(Array.from({ length: 1500 }, (_, number) => `many:${String(number).padStart(4, '0')}`));
  });

  it('tells when keys expire, and what they hold', async () => {
    const { keys } = await scene.view<KeysView>(`keys?store=tree&prefix=${id('b:2:')}`);
    expect(keys.map((row) => row.expiresMs)).toEqual([0, expiresMs]);
    const value = await scene.view<ValueView>(`value?store=tree&key=${id('b:2:y')}`);
    expect(value).toMatchObject({ value: { text: 'deeper', size: 6 }, expiresMs });
    await expect(scene.view(`value?store=tree&key=${id('none')}`)).rejects.toThrow(/no such key/);
    await expect(scene.view('keys?store=none')).rejects.toThrow(/no store none/);
    await expect(scene.view('keys?store=tree&prefix=***')).rejects.toThrow(/base64url/);
  });
});

describe('deleting', () => {
  it('removes what the preview has named and nothing else', async () => {
    await putKeys(scene, 'doomed', [
      ['x:1', ''],
      ['x:2', ''],
      ['x;', 'right behind'],
      ['y', ''],
    ]);
    const shown = await remove({ store: 'doomed', prefix: id('x:'), preview: true });
    expect([shown.isDone, shown.keys, shown.sample.map(({ text }) => text)]).toEqual([false, 2, ['x:1', 'x:2']]);
    expect((await remove({ store: 'doomed', prefix: id('x:') })).isDone).toBe(true);
    expect((await remove({ store: 'doomed', key: id('y') })).keys).toBe(1);
    const { keys } = await scene.view<KeysView>('keys?store=doomed');
    expect(keys.map(({ key }) => key.text)).toEqual(['x;']);
  });

  it('is refused in the stores of Redis, whose clients would not hear of it', async () => {
    await redis('SET greeting hello', 'RPUSH queue a b c');
    await expect(remove({ store: 'redis-0', prefix: '' })).rejects.toThrow(/Redis’ own/);
    const view = await scene.view<KeysView>('keys?store=redis-0');
    expect([view.readOnly, view.keys.map(({ key }) => key.text)]).toEqual([expect.any(String), ['greeting']]);
    const heads = await scene.view<KeysView>('keys?store=redis-0-heads');
    expect(heads.keys).toEqual([expect.objectContaining({ type: 'list', members: 3 })]);
  });
});

it('a merge can be asked for, of a store that is there', async () => {
  const headers = { 'Content-Type': 'application/json' };
  const ask = (store: string): Promise<Response> =>
    scene.ask('/console/api/merge', { method: 'POST', headers, body: JSON.stringify({ store }) });
  expect([(await ask('tree')).status, (await ask('none')).status]).toEqual([200, 404]);
  const { stores } = await scene.view<{ stores: StoreRow[] }>('stores');
  expect(stores).toContainEqual(expect.objectContaining({ name: 'tree', keys: 1507 }));
});
