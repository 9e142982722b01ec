/**
 * Whether output is coloured: on a terminal, unless NO_COLOR or `--color` say otherwise; FORCE_COLOR colours pipes too.
 *
 * Not a palette. To remember: colour only repeats what words say already.
 */
import type { Verdict } from '../doctor/checks.ts';

/** What `--color` takes. */
export type ColourChoice = 'auto' | 'always' | 'never';

/** Whether to colour what goes to `stream`: the flag first, then the environment, then what the stream is. */
export function isColoured(
  stream: { readonly isTTY?: boolean },
  choice: ColourChoice = 'auto',
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  if (choice !== 'auto') return choice === 'always';
  const { NO_COLOR: no = '', FORCE_COLOR: force } = env;
  if (force !== undefined && force !== '') return force !== '0';
  return no === '' && stream.isTTY === true && env.TERM !== 'dumb';
}

const codes: Readonly<Record<Verdict, number>> = { OK: 32, WARN: 33, FAIL: 31 };

/** A table of findings with its verdicts coloured; widths stay, because escapes come after the table was made. */
export function colourVerdicts(table: string): string {
  return table.replace(/^(.*? {2})(OK|WARN|FAIL)(?= {2}|$)/gm, (_, before: string, verdict: Verdict) => {
    return `${before}\u001b[${codes[verdict]}m${verdict}\u001b[39m`;
  });
}
