/**
 * The words of the boundary have a digest that TypeScript and the addon both carry, so that an addon of other sources is
 * refused when it is loaded. `npx vitest run __test__/reference -u` writes it anew; the addon is to be built again then.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** Comments belong to it: they say what lies where in a row. White space does not. */
const words = ['ts/io/native-types.ts', 'ts/io/api/native-ring.ts'];

function page(): string {
  const hash = createHash('sha256');
  for (const path of words) {
    hash.update(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8').replaceAll(/\s+/g, ' '));
  }
  return `/**
 * The digest of the boundary's words, which the addon reads from this file when it is built. Written by a test:
 * \`npx vitest run __test__/reference -u\`.
 */
export const BOUNDARY = '${hash.digest('hex').slice(0, 16)}';
`;
}

it('the digest of the boundary is that of its words', async () => {
  await expect(page()).toMatchFileSnapshot('../../ts/io/boundary.ts');
});
