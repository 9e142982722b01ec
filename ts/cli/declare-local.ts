/**
 * Declares the verbs that work on this machine and need no running server: serve, dump, doctor.
 *
 * Invariant: what a verb does is loaded when it is asked for, not when it is declared.
 */
import { type Command, Option } from 'commander';
import { type Ended, formOption } from './declare.ts';
import { address, keyValue, wholeNumber } from './options.ts';
import type { Terminal } from './terminal.ts';

/** `millrace serve`. */
export function declareServe(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('serve')
    .description('serve Kafka clients from a data directory')
    .addOption(new Option('--kafka <host:port>', 'address for Kafka clients').env('MILLRACE_KAFKA').argParser(address))
    .addOption(new Option('--dir <path>', 'data directory (default: ./millrace-data)').env('MILLRACE_DIR'))
    .option('--config <file>', 'settings, as .json or .properties')
    .addOption(new Option('--flush <policy>', 'always, records=N, bytes=N, interval=T, os').env('MILLRACE_FLUSH'))
    .addOption(
      new Option('--durability <level>', 'the weakest acknowledgement of any acks: memory, written, durable')
        .choices(['memory', 'written', 'durable'])
        .env('MILLRACE_DURABILITY'),
    )
    .addOption(new Option('--driver <name>', 'how to do I/O').choices(['auto', 'ring', 'pool']).env('MILLRACE_DRIVER'))
    .addOption(
      new Option('--sockets <name>', 'what carries connections')
        .choices(['auto', 'ring', 'node'])
        .env('MILLRACE_SOCKETS'),
    )
    .option('--memory <size>', 'for unsettled data and hot reads, such as 512mb (default: 256mb)')
    .option('-X <key=value>', 'a setting by its Kafka or millrace name; may be repeated', keyValue)
    .option('--check-config', 'check all settings, then end without opening anything')
    .addOption(
      new Option('--format <form>', 'json: one line on stdout when ready').choices(['text', 'json']).default('text'),
    )
    .action(async (options) => ended(await (await import('./serve.ts')).serve(options, terminal)));
}

/** `millrace dump`. */
export function declareDump(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('dump')
    .argument('<file>')
    .description('show what a journal, segment, index or manifest file holds')
    .option('--print-data', 'with payload bytes')
    .option('--from <n>', 'first entry, counted from 0', wholeNumber(0), 0)
    .option('--to <n>', 'entry to stop before', wholeNumber(1), 1_000_000)
    .addOption(formOption())
    .option('--json', 'the same as --format json')
    .action(async (file, options) => {
      const { from, to, printData = false } = options;
      const json = options.json === true || options.format === 'json';
      ended(await (await import('./dump.ts')).dump(file, { from, to, printData, json }, terminal));
    });
}

/** `millrace doctor`. */
export function declareDoctor(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('doctor')
    .description('check kernel, disk and limits, and say what to do')
    .addOption(new Option('--dir <path>', 'data directory').env('MILLRACE_DIR').default('./millrace-data'))
    .addOption(formOption())
    .option('--json', 'the same as --format json')
    .option('--strict', 'exit code 5 when anything is not OK')
    .option('--output-script', 'print the fixes as a shell script')
    .action(async ({ dir, format, json = false, strict = false, outputScript = false }) => {
      const options = { dir, json: json || format === 'json', strict, outputScript };
      ended(await (await import('./doctor.ts')).doctor(options, terminal));
    });
}
