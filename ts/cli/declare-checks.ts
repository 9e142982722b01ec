/**
 * Declares the verbs that check or copy a data directory, or check a promise: verify, repair, backup, prove.
 *
 * Invariant: what a verb does is loaded when it is asked for, not when it is declared.
 */
import { type Command, Option } from 'commander';
import type { Durability } from '../durability.ts';
import { type Ended, formOption } from './declare.ts';
import { address, wholeNumber } from './options.ts';
import type { Terminal } from './terminal.ts';

/** `millrace verify`. */
export function declareVerify(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('verify')
    .argument('<path>', 'a data directory, or one file of it')
    .description('check a data directory that is not being served, or one file of it; changes nothing')
    .option('--deep', 'read every byte: each batch, record, index and hint')
    .option('--no-progress', 'no progress line')
    .addOption(formOption())
    .option('--json', 'the same as --format json')
    .action(async (path, { deep = false, progress = true, json = false, format }) => {
      const options = { deep, progress, json: json || format === 'json' };
      ended(await (await import('./verify.ts')).verify(path, options, terminal));
    });
}

/** `millrace repair`. */
export function declareRepair(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('repair')
    .argument('<path>', 'a data directory, or one file of it')
    .description(
      'say what would be repaired in a data directory that is not being served, or in one file of it; --execute does it',
    )
    .option('--execute', 'do it; what is replaced is kept in repair/')
    .option('--apply', 'the same as --execute')
    .option('--rebuild-index', 'only build indexes and hints anew (default: that, and what --fence does)')
    .option('--fence', 'only copy damaged journal files away: damaged ranges stay fenced, the rest is served')
    .option(
      '--skip-damaged',
      'give damaged ranges of segments and damaged keys of stores up: what verifies stays, the rest is told before',
    )
    .option(
      '--truncate-at-first-bad',
      'give up, of each partition that has lost something, everything from there to its end; stores stay as they are',
    )
    .addOption(formOption())
    .option('--json', 'the same as --format json')
    .action(async (path, { apply = false, execute = false, json = false, format, ...rest }) => {
      const { rebuildIndex = false, fence = false, skipDamaged = false, truncateAtFirstBad = false } = rest;
      const gives = { rebuildIndex, fence, skipDamaged, truncateAtFirstBad };
      const options = { apply: apply || execute, ...gives, json: json || format === 'json' };
      ended(await (await import('./repair.ts')).repair(path, options, terminal));
    });
}

/** `millrace backup`. */
export function declareBackup(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('backup')
    .description('copy a data directory, as of one mark, to an empty one')
    .option('--dir <dir>', 'the data directory, when nobody serves it')
    .addOption(
      new Option('--redis <host:port>', 'the server that serves it, started with --redis and --backup-dir').argParser(
        address,
      ),
    )
    .requiredOption('--to <dir>', 'where the copy goes: a directory that is empty or not there; a name with --redis')
    .option('--copy', 'copy files that could be shared by hard links, too')
    .option('--no-progress', 'no progress line')
    .addOption(formOption())
    .option('--json', 'the same as --format json')
    .action(async ({ dir, redis, to, copy = false, progress = true, json = false, format }) => {
      const command = { dir, redis, to, copy, progress, json: json || format === 'json' };
      ended(await (await import('./backup.ts')).backup(command, terminal));
    });
}

/** `millrace prove`. */
export function declareProve(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('prove')
    .description('cut the power of simulated disks under your flush policy, and say what was lost')
    .option(
      '--dir <dir>',
      'take flush policy, topics and their settings from this data directory, which stays as it is',
    )
    .option('--config <file>', 'with --dir: the settings file its server is started with')
    .option('--flush <policy>', 'always (the default), os, or records=N,bytes=N,interval=T')
    .option('--policy <policy>', 'the same as --flush')
    .addOption(
      new Option(
        '--durability <level>',
        'what every append waits for at least: durable, or with --dir whatever it allows',
      ).choices(['memory', 'written', 'durable']),
    )
    .option('--cuts <n>', 'power cuts', wholeNumber(1, 1e9), 1000)
    .option('--seed <n>', 'first seed', wholeNumber(0), 1)
    .option('--no-progress', 'no progress line')
    .addOption(formOption())
    .option('--json', 'the same as --format json')
    .action(async ({ policy, progress = true, json = false, format, ...rest }) => {
      const durability = rest.durability as Durability | undefined;
      const options = { ...rest, flush: policy ?? rest.flush, durability, progress, json: json || format === 'json' };
      ended(await (await import('./prove.ts')).prove(options, terminal));
    });
}
