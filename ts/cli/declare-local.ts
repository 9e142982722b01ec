/**
 * Declares the verbs that work on this machine without Kafka's protocol: dump, doctor, check, completion.
 *
 * Invariant: what a verb does is loaded when it is asked for, not when it is declared.
 */
import { Argument, type Command, Option } from 'commander';
import type { ColourChoice } from './colour.ts';
import { type Ended, formOption } from './declare.ts';
import { address, wholeNumber } from './options.ts';
import type { Terminal } from './terminal.ts';

/** `millrace dump`. */
export function declareDump(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('dump')
    .argument('<file>')
    .description('show what a journal, segment, index, data, hint or manifest file holds')
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
    .addOption(new Option('--color <when>', 'colour the states').choices(['auto', 'always', 'never']).default('auto'))
    .action(async ({ dir, format, color, json = false, strict = false, outputScript = false }) => {
      const options = { dir, json: json || format === 'json', strict, outputScript, color: color as ColourChoice };
      ended(await (await import('./doctor.ts')).doctor(options, terminal));
    });
}

/** `millrace check`. */
export function declareCheck(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('check')
    .description('ask a running server how it is, as a probe: exit code 0 ok, 1 warning, 2 critical, 3 unknown')
    .addOption(
      new Option('--http <host:port>', 'the --http address of the server')
        .env('MILLRACE_HTTP')
        .default({ host: '127.0.0.1', port: 9644 }, '127.0.0.1:9644')
        .argParser(address),
    )
    .option('--timeout <ms>', 'longest wait for an answer', wholeNumber(1, 600_000), 5000)
    .action(async (options) => ended(await (await import('./check.ts')).check(options, terminal)));
}

/** `millrace completion`. */
export function declareCompletion(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'which shell the script is for').choices(['bash', 'zsh', 'fish']))
    .description('print a script that completes verbs and options in a shell')
    .action(async (shell) => {
      const [{ printCompletion }, { buildProgram }] = await Promise.all([
        import('./completion.ts'),
        import('./program.ts'),
      ]);
      ended(await printCompletion(buildProgram(terminal, undefined, ended), shell, terminal));
    });
}
