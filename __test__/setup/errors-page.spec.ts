/** docs/errors.md is the table of error codes, and nothing else: `npx vitest run __test__/setup -u` writes it anew. */
import { expect, it } from 'vitest';
import { describeErrors } from '../../ts/errors.ts';

function page(): string {
  const rows = describeErrors().map(({ code, message, remedy, retriable }) => {
    return `| \`${code}\` | ${message} | ${remedy} | ${retriable ? 'yes' : 'no'} |`;
  });
  return [
    '# Errors',
    '',
    'Every `MillraceError` carries one of these codes in `code`; the set is closed and a code never changes its meaning.',
    '*Retriable* means that the same call may succeed later and has had no effect. Written from `ts/errors.ts`.',
    '',
    '| code | what happened | what to do | retriable |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

it('docs/errors.md says what ts/errors.ts says', async () => {
  await expect(page()).toMatchFileSnapshot('../../docs/errors.md');
});
