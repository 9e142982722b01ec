/**
 * Every micro bench of JavaScript under `vitest bench`: `npm run bench:micro`, or two commits by `npx tsx benches/compare.ts`.
 *
 * Not the works (the files beside this one). To remember: MILLRACE_MICRO_MS is how long each is repeated.
 */
import { afterAll, bench, describe } from 'vitest';
import { openApiWorks } from './api.ts';
import { batchWorks } from './batches.ts';
import { requestWorks } from './requests.ts';
import { respWorks } from './resp.ts';
import type { Work } from './work.ts';

const time = Number(process.env.MILLRACE_MICRO_MS ?? 500);
const api = await openApiWorks();
afterAll(() => api.close());

const groups = new Map<string, Work[]>();
for (const work of [...batchWorks(), ...requestWorks(), ...respWorks(), ...api.works]) {
  groups.set(work.group, [...(groups.get(work.group) ?? []), work]);
}
for (const [group, works] of groups) {
  describe(group, () => {
    for (const { name, run } of works) bench(name, () => run(), { time, warmupTime: time / 5 });
  });
}
