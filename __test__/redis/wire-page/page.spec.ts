/** Promise: the published page says what the table of commands says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { allCommands } from '../../../ts/redis/command-table.ts';
import { redisPage } from './page.ts';

it('docs/wire/redis.md is what the table of commands gives', () => {
  expect(readFileSync(join(import.meta.dirname, '../../../docs/wire/redis.md'), 'utf8')).toBe(redisPage());
});

it('every command has its place on the page', () => {
  const page = redisPage();
  const missing = allCommands.filter(({ name }) => !page.includes(`\`${name.toUpperCase()}`)).map(({ name }) => name);
  expect(missing).toEqual([]);
});
