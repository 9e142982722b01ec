/** Promises of the console's pages in Chromium: they show what is there, by keyboard too, and nothing goes wrong in them. */
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { commitOrders, openScene, produceOrders, putKeys, type Scene } from '../scene.ts';
import { openBrowser, openPage, type WatchedPage } from './chromium.ts';

/** `MILLRACE_SCREENSHOTS=1` writes pictures of every page for review. */
const pictures =
  process.env.MILLRACE_SCREENSHOTS === undefined ? undefined : join(import.meta.dirname, '../../../docs/console');

// A browser beside a server on a busy machine: what is waited for comes, and when is not what is promised here.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });
const patience = { timeout: 45_000 };

let scene: Scene;
let browser: Browser;
let watched: WatchedPage;
let page: Page;

beforeAll(async () => {
  [scene, browser] = await Promise.all([
    openScene({ console: { write: true } }, { redis: { port: 0 }, settleBytes: '256kb' }),
    openBrowser(),
  ]);
  await produceOrders(scene, 2000);
  watched = await openPage(browser);
  page = watched.page;
});
afterAll(async () => {
  await browser?.close();
  await scene?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await page.emulateMedia({ colorScheme: 'light' });
});
afterEach(() => {
  expect(watched.problems.splice(0)).toEqual([]);
});

async function open(place: string): Promise<void> {
  await page.goto('about:blank');
  await page.goto(`${scene.url}/console/#/${place}`);
}

/** A picture of the page as it is, in both colour schemes, when pictures are wanted. */
async function picture(name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`) });
  }
}

describe('the console', () => {
  it('opens with what the server does and what a power cut takes', async () => {
    await open('');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByText('a power cut loses nothing acknowledged').waitFor();
    await page
      .getByRole('img', { name: /Append latency/ })
      .locator('canvas')
      .waitFor();
    expect(await page.title()).toBe('Overview · Millrace');
    await picture('overview');
  });

  it('needs a page, a script and a style sheet before it paints, and little else', async () => {
    const { page: fresh, problems } = await openPage(browser);
    const loads: { path: string; bytes: number }[] = [];
    const sizes: Promise<void>[] = [];
    fresh.on('requestfinished', (request) => {
      const path = new URL(request.url()).pathname.replace('/console/', '');
      sizes.push(
        request.sizes().then(({ responseBodySize, responseHeadersSize }) => {
          loads.push({ path, bytes: responseBodySize + responseHeadersSize });
        }),
      );
    });
    await fresh.goto(`${scene.url}/console/`);
    await fresh.getByText('a power cut loses nothing acknowledged').waitFor();
    await Promise.all(sizes);
    // What is painted first waits for these alone; the streams of live data never finish.
    expect(loads.map(({ path }) => path).sort()).toEqual(['', 'api/about', 'app.css', 'app.js']);
    expect(loads.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(80_000);
    const painted = await fresh.evaluate(() => performance.getEntriesByName('first-contentful-paint').length);
    expect([painted, problems]).toEqual([1, []]);
    await fresh.context().close();
  });

  it('finds a topic by name, with the filter in the address', async () => {
    await scene.admin.createTopics({ topics: [{ topic: 'payments' }] });
    await open('topics');
    await page.getByRole('link', { name: 'payments' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('ord');
    await page.getByRole('link', { name: 'payments' }).waitFor({ state: 'detached' });
    expect(page.url()).toMatch(/#\/topics\?filter=ord$/);
    await page.getByText('1 of 2 topics').waitFor();
    await picture('topics');
    await page.getByRole('link', { name: 'orders' }).click();
    await page.getByRole('heading', { name: 'orders' }).waitFor();
  });

  it('shows every watermark of a partition apart, live', async () => {
    await open('topics/orders/partitions');
    const total = async (): Promise<number> => {
      const cells = await page
        .getByRole('table', { name: 'Partitions' })
        .locator('tbody tr td:nth-child(6)')
        .allTextContents();
      return cells.reduce((sum, text) => sum + Number(text.replaceAll(',', '')), 0);
    };
    await expect.poll(total, patience).toBe(2000);
    await scene.producer.send({ topic: 'orders', messages: [{ value: 'one more' }] });
    await expect.poll(total, patience).toBe(2001);
    await picture('partitions');
  });

  it('shows the segments of a topic', async () => {
    await scene.admin.createTopics({ topics: [{ topic: 'archive', numPartitions: 2 }] });
    const messages = Array.from({ length: 400 }, (_, number) => ({ value: 'x'.repeat(1000), partition: number % 2 }));
    await scene.producer.send({ topic: 'archive', messages });
    await open('topics/archive/segments');
    await page.getByRole('table', { name: 'Segments' }).locator('tbody tr').first().waitFor();
    await picture('segments');
  });

  it('shows how long commands took', async () => {
    const socket = connect(scene.server.redis?.port ?? 0, '127.0.0.1');
    const answered = new Promise((resolve) => socket.once('data', resolve));
    socket.write('SET greeting hello\r\nGET greeting\r\nHSET user:1 name Ada\r\nCLIENT SETNAME console\r\n');
    await answered;
    socket.destroy();
    await open('commands');
    await page.getByRole('row', { name: /^hset 1 .* µs/ }).waitFor();
    await picture('commands');
  });

  it('shows the settings of a topic with where they come from', async () => {
    await open('topics/orders/settings');
    await page.getByLabel('Filter settings').fill('retention.ms');
    const row = page.getByRole('row', { name: /^retention\.ms / });
    await row.waitFor();
    expect(await row.textContent()).toMatch(/604800000 7 d ?default/);
    await picture('topic-settings');
  });

  it('finds messages by a filter that runs in the server, and opens one', async () => {
    await open('topics/orders/messages');
    await page.getByRole('table', { name: 'Messages' }).locator('tbody tr').nth(49).waitFor();
    await picture('messages');
    await page.keyboard.press('/');
    await page.keyboard.type('key:customer-3 currency eur');
    await page.keyboard.press('Enter');
    await page.getByText(/looked through .* found \d+/).waitFor();
    expect(page.url()).toContain('filter=key%3Acustomer-3');
    const keys = await page.locator('.key-cell').allTextContents();
    expect(new Set(keys)).toEqual(new Set(['customer-3']));
    await page.locator('[data-row]').first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByText(/"currency": "EUR"/).waitFor();
    await page.getByRole('button', { name: 'Hex' }).click();
    await page.getByText('00000000  7b').waitFor();
    await page.getByRole('button', { name: 'JSON' }).click();
    await picture('message');
    await page.reload();
    await page.getByText(/"currency": "EUR"/).waitFor();
  });

  it('shows messages as they arrive, and holds still when paused', async () => {
    await open('topics/payments/messages?live=1');
    const rows = page.getByRole('table', { name: 'Messages' }).locator('tbody tr');
    await page.getByText('waiting for records').waitFor();
    await expect
      .poll(
        async () => {
          await scene.producer.send({ topic: 'payments', messages: [{ key: 'k', value: 'now' }] });
          return rows.count();
        },
        { ...patience, interval: 200 },
      )
      .toBeGreaterThan(0);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Paused').waitFor();
    const held = await rows.count();
    await scene.producer.send({ topic: 'payments', messages: [{ key: 'k', value: 'later' }] });
    expect(await rows.count()).toBe(held);
  });

  it('shows what hostile records hold as text and nothing more', async () => {
    const value = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';
    await scene.admin.createTopics({ topics: [{ topic: 'hostile' }] });
    await scene.producer.send({ topic: 'hostile', messages: [{ key: value, value, headers: { [value]: value } }] });
    await open('topics/hostile/messages?open=0%3A0');
    await page.locator('pre').getByText('<script>').waitFor();
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(await page.title()).not.toContain('owned');
  });

  it('moves a group after showing what that does, and only when nobody is in it', async () => {
    await commitOrders(scene, 'billing', 100);
    await open('groups');
    await page.getByRole('link', { name: 'billing' }).waitFor();
    await picture('groups');
    await page.getByRole('link', { name: 'billing' }).click();
    await page.getByRole('button', { name: 'Seek…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('100 again').first().waitFor();
    await picture('seek');
    await dialog.locator('select').first().selectOption('shift');
    await dialog.getByLabel(/Records, negative/).fill('-40');
    await dialog.getByText('40 again').first().waitFor();
    await dialog.getByRole('button', { name: /^Seek 4/ }).click();
    await dialog.getByText('Done: the group goes on from there.').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    const committed = page.getByRole('table', { name: 'Partitions of the group' }).locator('tbody td:nth-child(3)');
    await expect.poll(() => committed.allTextContents(), patience).toEqual(['60', '60', '60', '60']);
    await picture('group');
  });

  it('shows how flushes and group commits do, and how the server came up', async () => {
    await open('storage');
    await page
      .getByRole('img', { name: /Flush latency/ })
      .locator('canvas')
      .waitFor();
    await page.getByRole('table', { name: 'Flush durations' }).waitFor();
    await picture('storage');
    await page.getByRole('link', { name: 'Health' }).click();
    await page.getByText('Ready: it takes reads and writes.').waitFor();
    await page.getByText('the directory was new').waitFor();
    await page.getByText('On a simulated disk there is no machine').waitFor();
    await picture('health');
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByLabel('Filter settings').fill('rebalance');
    await page.getByRole('row', { name: /group\.initial\.rebalance\.delay\.ms 0 given/ }).waitFor();
    await picture('settings');
  });

  it('walks down the tree of keys, shows a value, and deletes what it has shown', async () => {
    const users = Array.from({ length: 30 }, (_, number) => {
      return [`user:${number}:profile`, JSON.stringify({ name: `User ${number}`, visits: number * 7 })] as const;
    });
    await putKeys(scene, 'sessions', [...users, ['user:7:cart', '3 items', Date.now() + 3_600_000], ['motd', 'hello']]);
    await open('keys');
    await page.getByRole('link', { name: 'sessions' }).click();
    await page.getByRole('link', { name: 'user:', exact: true }).waitFor();
    await page.getByText('31 keys', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'user:', exact: true }).click();
    await page.getByRole('link', { name: 'user:7:' }).click();
    await page.getByText(/^in 59 min/).waitFor();
    await page.getByRole('button', { name: 'user:7:profile' }).click();
    await page.getByText('"name": "User 7"').waitFor();
    await picture('keys');
    await page.getByRole('button', { name: 'Delete these…' }).click();
    await page.getByRole('dialog').getByText('2 keys of').waitFor();
    await page.getByRole('button', { name: 'Delete 2 keys' }).click();
    await page.getByText('There are no keys here.').waitFor();
  });

  it('can be walked through by keyboard alone', async () => {
    await open('');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.getByRole('heading', { name: 'Topics' }).waitFor();
    for (let tabs = 0; tabs < 30; tabs += 1) {
      await page.keyboard.press('Tab');
      if ((await page.evaluate(() => document.activeElement?.textContent)) === 'orders') break;
    }
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'orders' }).waitFor();
  });

  it('turns dark with the system, or when told, and stays so', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await open('');
    const back = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await back()).toBe('rgb(15, 21, 25)');
    await page.getByRole('button', { name: 'Theme: system' }).click();
    await page.getByRole('button', { name: 'Theme: dark' }).click();
    await expect.poll(back, patience).toBe('rgb(245, 247, 248)');
    await page.reload();
    await page.getByRole('button', { name: 'Theme: light' }).waitFor();
    expect(await back()).toBe('rgb(245, 247, 248)');
  });
});
