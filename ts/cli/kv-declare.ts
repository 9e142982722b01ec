/**
 * Declares `millrace kv` and its verbs. They open a data directory themselves: no server may have it open.
 *
 * Invariant: what a verb does is loaded when it is asked for, not when it is declared.
 */
import { type Command, Option } from 'commander';
import { clientVerb, type Ended, formOption } from './declare.ts';
import { usage } from './exit.ts';
import { wholeNumber } from './options.ts';
import type { Terminal } from './terminal.ts';

/** A verb on one store of a data directory. */
function storeVerb(command: Command): Command {
  return command
    .addOption(new Option('--dir <path>', 'data directory').env('MILLRACE_DIR').default('./millrace-data'))
    .option('--store <name>', 'which store of the directory', 'default')
    .addOption(
      new Option('--encoding <name>', 'how keys and values are written on the command line')
        .choices(['utf8', 'hex', 'base64'])
        .default('utf8'),
    )
    .addOption(new Option('--hex', 'the same as --encoding hex').implies({ encoding: 'hex' }));
}

/** A verb that reads a range of keys. */
function rangeVerb(command: Command): Command {
  return storeVerb(command)
    .option('--prefix <key>', 'only keys that begin so')
    .option('--gt <key>', 'only keys behind this one')
    .option('--gte <key>', 'only this key and those behind it')
    .option('--lt <key>', 'only keys before this one')
    .option('--lte <key>', 'only this key and those before it')
    .option('--reverse', 'from the last key to the first')
    .option('--limit <n>', 'most entries', wholeNumber(0));
}

/** `millrace kv`. */
export function declareKv(program: Command, terminal: Terminal, ended: Ended): void {
  const kv = program.command('kv').description('read and change the key-value stores of a data directory');
  declareKeys(kv, terminal, ended);
  declareStores(kv, terminal, ended);
  declareChanges(kv, terminal, ended);
}

function declareKeys(kv: Command, terminal: Terminal, ended: Ended): void {
  storeVerb(kv.command('get').argument('<key>').description('print the value of a key; exit code 3 when there is none'))
    .addOption(formOption())
    .action(async (key, options) => ended(await (await import('./kv-keys.ts')).get(key, options, terminal)));
  storeVerb(kv.command('put').argument('<key>').argument('<value>', '- reads it from stdin').description('set a key'))
    .option('--ttl <ms>', 'the key expires so many ms from now', wholeNumber(1))
    .option('--if-absent', 'only when the key is not there; exit code 1 when it is')
    .action(async (key, value, options) =>
      ended(await (await import('./kv-keys.ts')).put(key, value, options, terminal)),
    );
  storeVerb(
    kv.command('del').argument('<keys...>').description('remove keys in one atomic step; prints how many there were'),
  ).action(async (keys, options) => ended(await (await import('./kv-keys.ts')).del(keys, options, terminal)));
  rangeVerb(kv.command('scan').description('print keys and values in the order of keys'))
    .option('--keys', 'keys only')
    .addOption(formOption())
    .action(async (options) => ended(await (await import('./kv-keys.ts')).scan(options, terminal)));
}

function declareStores(kv: Command, terminal: Terminal, ended: Ended): void {
  storeVerb(kv.command('stats').description('show what the stores of the directory hold and cost'))
    .addOption(formOption())
    .action(async (options) => ended(await (await import('./kv-stores.ts')).stats(options, terminal)));
  storeVerb(kv.command('merge').description('give back what overwritten and deleted records occupy on disk'))
    .option('--no-progress', 'no progress line')
    .action(async (options) => ended(await (await import('./kv-stores.ts')).merge(options, terminal)));
  rangeVerb(
    kv.command('export').argument('[file]', 'where to; default: stdout').description('write keys as lines of JSON'),
  )
    .option('--no-progress', 'no progress line')
    .action(async (file, options) => ended(await (await import('./kv-transfer.ts')).exportTo(file, options, terminal)));
  storeVerb(
    kv.command('import').argument('[file]', 'where from; default: stdin').description('put what export has written'),
  )
    .option('--bitcask <directory>', 'put what a directory of plain Bitcask data files holds instead')
    .option('--no-progress', 'no progress line')
    .action(async (file, options) => {
      if (options.bitcask === undefined) {
        return ended(await (await import('./kv-transfer.ts')).importFrom(file, options, terminal));
      }
      if (file !== undefined) throw usage('a file and --bitcask exclude each other');
      return ended(await (await import('./kv-bitcask.ts')).importBitcask(options.bitcask, options, terminal));
    });
}

function declareChanges(kv: Command, terminal: Terminal, ended: Ended): void {
  const watch = kv
    .command('watch')
    .description("print the changes of a store: what a directory's feed holds, or with --topic what a server's tells");
  clientVerb(storeVerb(watch))
    .option('--topic <name>', 'follow this topic of a running server instead of reading a directory')
    .option('--from <place>', 'earliest, now, or a position (of a server: an offset)')
    .option('--prefix <key>', 'only keys that begin so')
    .option('-n, --num <n>', 'end after so many changes', wholeNumber(1))
    .addOption(formOption())
    .action(async (options) => ended(await (await import('./kv-watch.ts')).watch(options, terminal)));
  storeVerb(kv.command('feed').description('show where the changes of a store go, and let them go to a topic'))
    .option('--topic <name>', 'every change goes there too, from now on')
    .option('--off', 'changes go nowhere any more')
    .action(async (options) => ended(await (await import('./kv-watch.ts')).feed(options, terminal)));
}
