/**
 * Declares the verbs that work on this machine and need no server: dump, doctor, completion.
 *
 * Invariant: what a verb does is loaded when it is asked for, not when it is declared.
 */
import { Argument, type Command, Option } from 'commander';
import type { ColourChoice } from './colour.ts';
import { type Ended, formOption } from './declare.ts';
import { wholeNumber } from './options.ts';
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
