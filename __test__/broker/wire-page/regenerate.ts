/** Writes docs/wire/kafka.md: `npx tsx __test__/broker/wire-page/regenerate.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { openHarness } from '../support/harness.ts';
import { pagePath, wirePage } from './page.ts';

await using harness = openHarness();
mkdirSync(dirname(pagePath), { recursive: true });
writeFileSync(pagePath, wirePage(harness.broker.table));
