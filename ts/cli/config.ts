/**
 * `millrace config print|describe`: what serve would take each setting from, and what a setting is. Both work from the
 * tables and open nothing.
 *
 * Invariant: `print` decides as serve does, by the same functions, so what it shows is what serve would do.
 */
import { describeFlush } from '../durability.ts';
import { settingsTable } from '../serve.ts';
import { describeSettings as allSettings, type SettingDescription } from '../setting-descriptions.ts';
import { printable } from './columns.ts';
import { CliError, ExitCode, type ExitCodeNumber } from './exit.ts';
import { type Form, print } from './report.ts';
import {
  decideServe,
  describeSettings,
  gatherSettings,
  type ServeFlags,
  type SettingSource,
} from './serve-settings.ts';
import { DataOutput, type Terminal } from './terminal.ts';

/** What `config print` takes: the flags of serve, and where commander has them from (`cli`, `env` or `default`). */
export interface PrintCommand extends ServeFlags, Form {
  /** Only what is not the default. */
  readonly changed?: boolean;
  readonly flagSource: (name: string) => string | undefined;
}

/** Names of Kafka and Redis for what has a flag, so that a value given by either is found. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  kafka: ['listeners'],
  advertised: ['advertised.listeners'],
  dir: ['log.dirs', 'redis.dir'],
  redis: ['redis.port', 'redis.bind'],
  'redis-tls': ['redis.tls-port'],
  'tls-cert': ['redis.tls-cert-file'],
  'tls-key': ['redis.tls-key-file'],
  'tls-ca': ['redis.tls-ca-cert-file'],
  flush: ['log.flush.interval.messages', 'log.flush.interval.ms', 'redis.appendfsync'],
};

/** Prints every setting with its value and source. */
export async function printConfig(command: PrintCommand, terminal: Terminal): Promise<ExitCodeNumber> {
  const decided = decideServe(command, process.env, settingsTable);
  const { given } = gatherSettings(command, process.env, settingsTable);
  const sourceOf = (name: string): SettingSource => {
    const flag = command.flagSource(name);
    if (flag === 'cli') return 'flag';
    if (flag === 'env') return 'environment';
    const redisName = name.replace(/^redis-/, 'redis.');
    for (const known of [name, redisName, ...(otherNames[name] ?? [])]) {
      const found = given.get(known);
      if (found !== undefined) return found.source;
    }
    return 'default';
  };
  const ours = describeSettings({ ...decided, settings: new Map() }, describeFlush(decided.flush));
  const covered = new Set(Object.values(otherNames).flat());
  const others = allSettings()
    .filter(({ name, scope }) => scope === 'server' && !covered.has(name))
    .map((one): [string, string] => [one.name, decided.settings.get(one.name) ?? one.default]);
  const settings = [...ours, ...others]
    .map(([name, value]) => ({ name, value, source: sourceOf(name) }))
    .filter(({ source }) => command.changed !== true || source !== 'default');
  const rows = settings.map(({ name, value, source }) => [name, value, source]);
  await print(terminal, command, { headings: ['NAME', 'VALUE', 'SOURCE'], rows }, settings);
  return ExitCode.ok;
}

/** Describes the settings called `names`, of the server and of topics; all of them without names. */
export async function describeConfig(
  names: readonly string[],
  options: Form,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const all = allSettings();
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) throw new CliError(ExitCode.notFound, `there is no setting '${unknown}'`);
  const wanted = names.length === 0 ? all : all.filter((one) => names.includes(one.name));
  const text = options.format === 'json' ? `${JSON.stringify(wanted)}\n` : wanted.map(paragraph).join('\n');
  await new DataOutput(terminal.stdout).text(text);
  return ExitCode.ok;
}

function paragraph(one: SettingDescription): string {
  const kind = [one.type, ...(one.unit === undefined || one.type === 'size' ? [] : [`in ${one.unit}`])].join(' ');
  const facts = [
    `of a ${one.scope}`,
    kind,
    `default ${one.default === '' ? 'empty' : printable(one.default)}`,
    ...(one.oneOf === undefined ? [] : [`one of ${one.oneOf.join(', ')}`]),
    ...(one.dynamic === true ? ['can be altered while it runs'] : []),
    ...(one.effect === 'accepted' ? ['accepted, without effect'] : []),
  ];
  return `${one.name}: ${facts.join('; ')}\n  ${one.doc}\n`;
}
