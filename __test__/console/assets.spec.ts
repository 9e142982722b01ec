/** Promises of the console's pages as files: small, whole, and missed without harm. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { Assets } from '../../ts/console/assets.ts';
import { bundleConsole } from '../../ts/setup/console.mjs';
import { scratch } from '../support/scratch.ts';

const root = join(import.meta.dirname, '../..');

it('travel in at most 150 kB', async () => {
  using folder = scratch('console-assets');
  expect(await bundleConsole(root, folder.path)).toBe(true);
  const files = readdirSync(join(folder.path, 'console/assets')).filter((name) => name.endsWith('.gz'));
  expect(files.sort()).toEqual(['app.css.gz', 'app.js.gz', 'index.html.gz']);
  const bytes = files.reduce((sum, name) => sum + readFileSync(join(folder.path, 'console/assets', name)).length, 0);
  expect(bytes).toBeLessThanOrEqual(150_000);
});

it('have no script, style or address of others in the page', () => {
  const page = readFileSync(join(root, 'ts/console/browser/index.html'), 'utf8');
  expect(page).not.toMatch(/<style|\son\w+=|style="/);
  expect(page.match(/<script[^>]*>/g)).toEqual(['<script type="module" src="app.js">']);
  expect(page.replaceAll("xmlns='http://www.w3.org/2000/svg'", '')).not.toMatch(/https?:/);
});

it('that are missing are said to be, and nothing falls over', async () => {
  using folder = scratch('console-none');
  const assets = new Assets(pathToFileURL(`${folder.path}/`));
  const server = createServer((request, response) => void assets.send('index.html', request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  expect([answer.status, await answer.text()]).toEqual([503, expect.stringMatching(/npm run build/)]);
  server.close();
});
