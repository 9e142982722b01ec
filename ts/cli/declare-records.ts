/**
 * Declares `millrace produce` and `millrace consume`; letters are rpk's, and where kcat's clash rpk's win.
 *
 * Invariant: what a verb does is loaded when it is asked for, not when it is declared.
 */
import { type Command, Option } from 'commander';
import { clientVerb, type Ended } from './declare.ts';
import { list, wholeNumber } from './options.ts';
import type { Terminal } from './terminal.ts';

/** `millrace produce`. */
export function declareProduce(program: Command, terminal: Terminal, ended: Ended): void {
  clientVerb(program.command('produce').argument('<topic>').argument('[file...]', 'files to read; stdin without one'))
    .description('produce records, by default one a line')
    .option('-k, --key <key>', 'key of every record')
    .option('-H, --header <k:v>', 'header of every record; may be repeated', list)
    .addOption(
      new Option('-z, --compression <codec>', 'codec')
        .choices(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        .default('none'),
    )
    .option('-p, --partition <n>', 'partition of every record', wholeNumber(0, 2_147_483_647))
    .option('-f, --format <format>', 'how the input is cut, from %k %v %p %t', '%v\\n')
    .option('-K, --key-delimiter <text>', 'the same as -f %k<text>%v\\n')
    .option('-D, --delimiter <text>', 'what ends a record in place of a newline: the same as -f %v<text>')
    .option('-Z, --tombstone', 'an empty value becomes null')
    .addOption(
      new Option('--acks <n>', 'what to wait for: -1 durable, 1 written, 0 nothing')
        .choices(['-1', 'all', '1', '0'])
        .default('-1'),
    )
    .option('--no-progress', 'no progress line on a terminal')
    .option('--max-message-bytes <n>', 'largest record accepted', wholeNumber(1, 1 << 30), 1_000_000)
    .action(async (topic, files, options) =>
      ended(await (await import('./produce.ts')).produce(topic, files, options, terminal)),
    );
}

/** `millrace consume`. */
export function declareConsume(program: Command, terminal: Terminal, ended: Ended): void {
  clientVerb(program.command('consume').argument('<topic...>'))
    .description('consume records')
    .option('-o, --offset <range>', 'start, end, N, +N, -N, N:M, :end, @TIME, @TIME:TIME', 'start')
    .option('-n, --num <n>', 'end after so many records', wholeNumber(1))
    .option('-g, --group <group>', 'consume as a member of this group')
    .option('-p, --partitions <n>', 'only this partition; may be repeated', list)
    .option('-f, --format <format>', 'json, or a format such as "%o %k %v\\n"', 'json')
    .option('-e, --exit-at-end', 'end where the log ends now, the same as -o RANGE:end')
    .option('-J, --json', 'the same as -f json')
    .option('-K, --key-delimiter <text>', 'the same as -f %k<text>%v\\n')
    .option('-D, --delimiter <text>', 'the same as -f %v<text>, with -K %k<text>%v<text>')
    .option('--pretty-print', 'JSON over several lines')
    .option('--meta-only', 'JSON without values')
    .option('--read-committed', 'leave out records of transactions that are open or were aborted')
    .option('--print-control-records', 'print transaction markers too')
    .action(async (names, options) => ended(await (await import('./consume.ts')).consume(names, options, terminal)));
}
