/** Writes docs/conformance.md: `npx tsx __test__/conformance/kafka/table/regenerate.ts`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { conformancePage } from './table.ts';

writeFileSync(join(import.meta.dirname, '../../../../docs/conformance.md'), conformancePage());
