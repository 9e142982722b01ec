/** Every micro bench does what it is named for, and has a name of its own: what two commits are compared by. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openApiWorks } from '../../benches/micro/api.ts';
import { batchWorks } from '../../benches/micro/batches.ts';
import { requestWorks } from '../../benches/micro/requests.ts';
import { respWorks } from '../../benches/micro/resp.ts';

let api: Awaited<ReturnType<typeof openApiWorks>>;
beforeAll(async () => {
  api = await openApiWorks();
});
afterAll(() => api.close());

it('each of them is done, twice, and checks that it was', async () => {
  const works = [...batchWorks(), ...requestWorks(), ...respWorks(), ...api.works];
  expect(new Set(works.map(({ group, name }) => `${group} ${name}`)).size).toBe(works.length);
  for (const { name, run } of [...works, ...works]) await expect(Promise.resolve(run()), name).resolves.toBeUndefined();
});
