/** docs/reference/command-line.md from the declared verbs and options. */
import { PassThrough } from 'node:stream';
import type { Command, Option } from 'commander';
import { buildProgram } from '../../ts/cli/program.ts';
import { code, table } from './markdown.ts';

export function commandLinePage(): string {
  const terminal = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const program = buildProgram(terminal, undefined, () => {});
  return [
    '# Command line',
    '',
    'Written from the declarations; `millrace VERB --help` says the same. Data goes to stdout, everything for people to stderr; a progress',
    'line is drawn on a terminal only. Settings beside these options: [configuration](configuration.md).',
    '',
    'Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 damage found, 5 degraded (`doctor --strict`, a `bench` whose rate was not',
    'reached), 124 timeout, 130 interrupted.',
    '',
    ...program.commands.flatMap((verb) => section(verb, verb.name(), '##')),
  ].join('\n');
}

function section(command: Command, name: string, heading: string): string[] {
  const options = command.options.filter(({ hidden }) => !hidden);
  const description = command.description();
  return [
    `${heading} millrace ${name}`,
    '',
    `${description.charAt(0).toUpperCase()}${description.slice(1)}.`,
    '',
    ...(command.commands.length > 0 ? [] : ['```', `millrace ${name} ${command.usage()}`.trimEnd(), '```', '']),
    ...(options.length === 0 ? [] : [table(['option', 'meaning'], options.map(row)), '']),
    ...command.commands.flatMap((verb) => section(verb, `${name} ${verb.name()}`, '###')),
  ];
}

function row(option: Option): string[] {
  const { flags, description, argChoices, defaultValue, defaultValueDescription, envVar } = option;
  const shown = defaultValueDescription ?? (isPlain(defaultValue) ? String(defaultValue) : undefined);
  const facts = [
    ...(argChoices === undefined ? [] : [`one of ${argChoices.join(', ')}`]),
    ...(shown === undefined || shown === '' ? [] : [`default ${code(shown)}`]),
    ...(envVar === undefined ? [] : [`or ${code(envVar)}`]),
  ];
  return [code(flags), facts.length === 0 ? description : `${description}; ${facts.join('; ')}`];
}

/** A default that is more than "not given". */
function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number';
}
