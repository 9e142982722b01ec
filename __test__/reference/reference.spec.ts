/**
 * The pages of docs/reference say what the tables say: `npx vitest run __test__/reference -u` writes them anew. The tables of
 * commands, APIs and errors have pages and specs of their own.
 */
import { expect, it } from 'vitest';
import { commandLinePage } from './command-line.ts';
import { configurationPage } from './configuration.ts';
import { metricsPage } from './metrics.ts';

const page = (name: string): string => `../../docs/reference/${name}.md`;

it('every setting is on its page', async () => {
  await expect(configurationPage()).toMatchFileSnapshot(page('configuration'));
});

it('every verb and option is on its page', async () => {
  await expect(commandLinePage()).toMatchFileSnapshot(page('command-line'));
});

it('every metric is on its page', async () => {
  await expect(await metricsPage()).toMatchFileSnapshot(page('metrics'));
});
