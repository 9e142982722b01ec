/** The command line that was promised: every verb and flag by the name people know, and the exit codes. */
import { PassThrough } from 'node:stream';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../ts/cli/exit.ts';
import { buildProgram } from '../../ts/cli/program.ts';

const terminal = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
const program = buildProgram(terminal, undefined, () => {});

/** The verb with this path, by its name or an alias of it. */
function verb(path: string): Command {
  return path.split(' ').reduce((command: Command, name) => {
    const found = command.commands.find((one) => one.name() === name || one.aliases().includes(name));
    if (found === undefined) throw new Error(`there is no ${path}`);
    return found;
  }, program);
}

const records = '-k -H -z -p -f -K -D';
const bench = '--rate --duration --size --json --hdr --compare --no-progress';
const logBench = `${bench} --clients --batch --acks --flush --durability`;
const promised: readonly (readonly [verb: string, flags: string])[] = [
  [
    'serve',
    '--kafka --redis --http --dir --config --flush --durability --driver --mode --check-config -X --console-write',
  ],
  ['topic create', '-p -r -c -d --if-not-exists --format'],
  ['topic list', '--format'],
  ['topic describe', '-a -c -p -s --stable --format'],
  ['topic delete', '--yes'],
  ['topic alter', '--set --format'],
  ['topic alter-config', '--set'],
  ['topic add-partitions', '-n'],
  ['topic trim', '-o -p --yes'],
  ['topic trim-prefix', '-o -p --yes'],
  ['topic storage', '--format'],
  ['topic describe-storage', '--format'],
  ['produce', `${records} -Z --acks --no-progress`],
  ['consume', '-p -f -n -o -g -K -D -e -J --meta-only --pretty-print --read-committed --print-control-records'],
  ['group list', '-s --format'],
  ['group describe', '--format'],
  ['group seek', '--to --topics --dry-run --execute'],
  ['group delete', '--yes'],
  ['group offset-delete', '-t'],
  ['kv get', '--hex'],
  ['kv put', '--hex --ttl'],
  ['kv del', '--hex'],
  ['kv scan', '--prefix --hex'],
  ['kv watch', '--prefix --hex'],
  ['kv stats', '--format'],
  ['kv merge', '--no-progress'],
  ['kv import', '--no-progress'],
  ['kv export', '--prefix --hex --no-progress'],
  ['bench produce', logBench],
  ['bench consume', logBench],
  ['bench e2e', logBench],
  ['bench kv', `${bench} --clients --flush --durability`],
  ['bench disk', `${bench} --clients`],
  ['bench flush', bench],
  ['doctor', '--json --strict --output-script --color'],
  ['check', '--http'],
  ['verify', '--deep --json --no-progress'],
  ['repair', '--execute --apply --rebuild-index --fence --truncate-at-first-bad --skip-damaged --json'],
  ['dump', '--print-data --from --to --json'],
  ['config print', '--format'],
  ['config describe', '--format'],
  ['config set', '-d'],
  ['config diff', '--format'],
  ['completion', ''],
];

describe('the command line', () => {
  it.each(promised)('millrace %s takes what people know: %s', (path, flags) => {
    const { options } = verb(path);
    const known = options.flatMap(({ short, long }) => [short, long]);
    expect(flags.split(' ').filter((flag) => flag !== '' && !known.includes(flag))).toEqual([]);
  });

  it('prints every listing as text, as JSON and with more columns', () => {
    const forms = (command: Command): (readonly string[])[] => [
      ...command.options.filter(({ long }) => long === '--format').flatMap(({ argChoices }) => [argChoices ?? []]),
      ...command.commands.flatMap(forms),
    ];
    const listings = program.commands.filter((one) => !['serve', 'consume', 'produce'].includes(one.name()));
    const all = listings.flatMap(forms);
    expect(all.length).toBeGreaterThan(20);
    for (const choices of all) expect(choices).toEqual(['text', 'json', 'wide']);
  });

  it('takes no secret as a flag', () => {
    const flags = (command: Command): (string | undefined)[] => [
      ...command.options.map(({ long }) => long),
      ...command.commands.flatMap(flags),
    ];
    expect(flags(program).filter((flag) => /(pass|secret|token)\w*$/.test(flag ?? ''))).toEqual([]);
  });

  it('has the exit codes that scripts rely on', () => {
    expect(ExitCode).toEqual({
      ok: 0,
      failure: 1,
      usage: 2,
      notFound: 3,
      damaged: 4,
      degraded: 5,
      timeout: 124,
      interrupted: 130,
    });
  });
});
