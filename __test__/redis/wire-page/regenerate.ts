/** Writes docs/wire/redis.md anew: `npx tsx __test__/redis/wire-page/regenerate.ts`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { redisPage } from './page.ts';

writeFileSync(join(import.meta.dirname, '../../../docs/wire/redis.md'), redisPage());
