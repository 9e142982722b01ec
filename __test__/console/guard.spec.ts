/** Promises of the console's door: who may ask, for what, and what every answer carries. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OverviewView, TopicsView } from '../../ts/console/api.ts';
import { SimulatedDisk } from '../../ts/testing/index.ts';
import { openScene, produceOrders, type Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await openScene();
  await produceOrders(scene, 100);
});
afterAll(() => scene[Symbol.asyncDispose]());

/** Asks with headers that `fetch` would not let one set. */
function askAs(headers: Record<string, string>, path = '/console/api/overview', method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(`${scene.url}${path}`, { headers, method }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('the console', () => {
  it('answers under names that nobody else can point here, and under no other', async () => {
    const port = new URL(scene.url).port;
    for (const name of ['127.0.0.1', 'localhost', '[::1]', 'millrace.localhost']) {
      expect(await askAs({ Host: `${name}:${port}` }), name).toBe(200);
    }
    for (const name of ['attacker.example', '127.0.0.1.attacker.example', 'localhost.attacker.example']) {
      expect(await askAs({ Host: `${name}:${port}` }), name).toBe(403);
    }
  });

  it('hears no page of another site, but may be opened by a link on one', async () => {
    const host = new URL(scene.url).host;
    expect(await askAs({ Host: host, Origin: 'http://attacker.example' })).toBe(403);
    expect(await askAs({ Host: host, Origin: 'null' })).toBe(403);
    expect(await askAs({ Host: host, Origin: `http://${host}` })).toBe(200);
    const cross = { Host: host, 'Sec-Fetch-Site': 'cross-site' };
    expect(await askAs(cross)).toBe(403);
    expect(await askAs({ ...cross, 'Sec-Fetch-Mode': 'navigate' }, '/console/')).not.toBe(403);
    expect(await askAs({ ...cross, 'Sec-Fetch-Mode': 'navigate' }, '/console/api/login', 'POST')).toBe(403);
  });

  it('forbids scripts of others, frames and guessing of types in every answer', async () => {
    for (const path of ['/console/', '/console/api/overview', '/console/api/nothing']) {
      const { headers } = await scene.ask(path);
      expect(headers.get('content-security-policy'), path).toMatch(
        /default-src 'none'; script-src 'self'; style-src 'self'/,
      );
      expect(headers.get('content-security-policy')).not.toMatch(/unsafe/);
      expect(headers.get('content-security-policy')).toMatch(/frame-ancestors 'none'/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('only reads unless it was asked for more', async () => {
    const headers = { 'Content-Type': 'application/json' };
    const asked = await scene.ask('/console/api/group-seek', { method: 'POST', headers, body: '{"group":"g"}' });
    expect([asked.status, await asked.text()]).toEqual([403, expect.stringMatching(/--console-write/)]);
    const form = await scene.ask('/console/api/group-seek', { method: 'POST', body: '{}' });
    expect(form.status).toBe(415);
  });

  it('has no path but its own', async () => {
    for (const path of ['/console/../etc/passwd', '/console/%2e%2e/package.json', '/console/app.js.gz', '/consoles']) {
      expect((await scene.ask(path)).status, path).toBe(404);
    }
  });

  it('is where a browser that asks for nothing ends up, and programs get the list', async () => {
    const sent = await scene.ask('/', { headers: { Accept: 'text/html' }, redirect: 'manual' });
    expect([sent.status, sent.headers.get('location')]).toEqual([302, '/console/']);
    expect(await (await scene.ask('/')).text()).toContain('/console/');
  });

  it('tells what the server does and what may be lost', async () => {
    const view = await scene.view<OverviewView>('overview');
    expect(view).toMatchObject({ topics: 1, partitions: 4, poisoned: false, flush: 'always', disk: null });
    expect(view.acks.map(({ level }) => level)).toEqual(['durable', 'written', 'memory']);
    const { topics } = await scene.view<TopicsView>('topics');
    expect(topics).toEqual([expect.objectContaining({ name: 'orders', partitions: 4, records: 100 })]);
  });
});

describe('where clients have to log in', () => {
  it('the console is closed until it has a token of its own', async () => {
    using disk = new SimulatedDisk();
    await using server = await disk.serve({ http: { port: 0 }, kafka: { port: 0, login: true } });
    const url = `http://127.0.0.1:${server.http?.port}/console/api/overview`;
    const refused = await fetch(url);
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringMatching(/MILLRACE_CONSOLE_TOKEN/)]);
  });

  it('who has typed the token is let in, and nobody else', async () => {
    using disk = new SimulatedDisk();
    const console = { token: 'open sesame' };
    await using server = await disk.serve({ http: { port: 0, console }, kafka: { port: 0, login: true } });
    const url = `http://127.0.0.1:${server.http?.port}/console/api`;
    const login = (token: string): Promise<Response> => {
      const headers = { 'Content-Type': 'application/json' };
      return fetch(`${url}/login`, { method: 'POST', headers, body: JSON.stringify({ token }) });
    };
    expect((await fetch(`${url}/overview`)).status).toBe(401);
    expect((await login('open')).status).toBe(401);
    const admitted = await login('open sesame');
    const cookie = admitted.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
    expect(cookie).not.toContain('sesame');
    const [pair = ''] = cookie.split(';');
    expect((await fetch(`${url}/overview`, { headers: { Cookie: pair } })).status).toBe(200);
    const forged = pair.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    expect((await fetch(`${url}/overview`, { headers: { Cookie: forged } })).status).toBe(401);
  });
});
