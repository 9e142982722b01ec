/**
 * Makes kafka.txt anew: `npx tsx __test__/kafka/golden/regenerate.ts`. Needs Java and Maven; the test itself needs neither.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kafkaClassPath } from '../../../benches/rivals/kafka-jars.ts';

const program = join(import.meta.dirname, 'Golden.java');
const printed = execFileSync('java', ['-cp', kafkaClassPath(), program], { encoding: 'utf8' });
writeFileSync(join(import.meta.dirname, 'kafka.txt'), printed);
