/** Promises of the console's pages in Chromium: they show what is there, by keyboard too, and nothing goes wrong in them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openScene, produceOrders, type Scene } from '../scene.ts';
import { openBrowser, openPage, type WatchedPage } from './chromium.ts';

/** `MILLRACE_SCREENSHOTS=1` writes pictures of every page for review. */
const pictures =
  process.env.MILLRACE_SCREENSHOTS === undefined ? undefined : join(import.meta.dirname, '../../../docs/console');

let scene: Scene;
let browser: Browser;
let watched: WatchedPage;
let page: Page;

beforeAll(async () => {
  [scene, browser] = await Promise.all([openScene({ console: { write: true } }), openBrowser()]);
  await produceOrders(scene, 2000);
});
afterAll(async () => {
  await browser?.close();
  await scene?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  watched = await openPage(browser, { colorScheme: 'light' });
  page = watched.page;
});
afterEach(async () => {
  const { problems } = watched;
  await page.context().close();
  expect(problems).toEqual([]);
});

async function open(place: string): Promise<void> {
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
    await expect.poll(total).toBe(2000);
    await scene.producer.send({ topic: 'orders', messages: [{ value: 'one more' }] });
    await expect.poll(total, { timeout: 5000 }).toBe(2001);
    await picture('partitions');
  });

  it('shows the settings of a topic with where they come from', async () => {
    await open('topics/orders/settings');
    await page.getByLabel('Filter settings').fill('retention.ms');
    const row = page.getByRole('row', { name: /^retention\.ms / });
    await row.waitFor();
    expect(await row.textContent()).toMatch(/604800000 7 d ?default/);
    await picture('topic-settings');
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
    await expect.poll(back).toBe('rgb(245, 247, 248)');
    await page.reload();
    await page.getByRole('button', { name: 'Theme: light' }).waitFor();
    expect(await back()).toBe('rgb(245, 247, 248)');
  });
});
