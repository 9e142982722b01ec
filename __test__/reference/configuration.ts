/** docs/reference/configuration.md from the tables of settings. */
import { presets } from '../../ts/durability.ts';
import { describeSettings, type SettingDescription } from '../../ts/setting-descriptions.ts';
import { code, table } from './markdown.ts';

export function configurationPage(): string {
  const all = describeSettings();
  return [
    '# Configuration',
    '',
    'Written from the tables of the sources; `millrace config describe NAME` says the same. The server takes a setting from a flag,',
    'from the environment (`MILLRACE_LOG_SEGMENT_BYTES=64mb`), with `-X name=value`, or from a `--config` file, in that order; a program',
    'gives it to `serve({ settings })`. A topic takes its own when it is created or altered. Sizes may be `64mb`, durations `5s`. An',
    'unknown name is refused with the nearest one. *Accepted* settings are kept and shown, and change nothing.',
    '',
    'A file ends with `.yaml`, `.json` or `.properties`, or it is a `redis.conf`. Sections are joined with dots: in YAML `log:` above',
    '`  retention.ms: 60000` is `log.retention.ms`; the section `redis` takes the directives of `redis.conf`, its password too. A name',
    'given twice, a list, an alias or a value that cannot be is refused with file and line; a file has at most 1 MiB.',
    '',
    'Flags of the server, such as `--flush` and `--dir`: [command line](command-line.md). Options of `openLog` and `openKv` carry the same',
    'words in camelCase. What each policy may lose: [durability](../durability.md).',
    '',
    '## Of the server',
    '',
    settings(all.filter(({ scope }) => scope === 'server')),
    '',
    '## Of a topic',
    '',
    settings(all.filter(({ scope }) => scope === 'topic')),
    '',
    '## Known by other names',
    '',
    'Flush policies as other programs call them.',
    '',
    table(
      ['of', 'setting', 'policy and level here', 'kill -9 takes', 'a power cut takes'],
      presets.map(({ system, setting, policy, durability, killLoses, powerCutLoses }) => {
        return [system, code(setting), `${code(policy)}, ${code(durability)}`, killLoses, powerCutLoses];
      }),
    ),
    '',
  ].join('\n');
}

function settings(all: readonly SettingDescription[]): string {
  const rows = all.map((one) => [code(one.name), kindOf(one), code(one.default), `${one.doc}${notesOf(one)}`]);
  return table(['name', 'type', 'default', 'meaning'], rows);
}

function kindOf({ type, unit }: SettingDescription): string {
  return unit === undefined || type === 'size' ? type : `${type}, ${unit}`;
}

function notesOf({ oneOf, effect, dynamic, scope }: SettingDescription): string {
  const notes = [
    ...(oneOf === undefined ? [] : [`One of ${oneOf.join(', ')}.`]),
    ...(effect === 'accepted' ? ['*Accepted.*'] : []),
    ...(dynamic === true && scope === 'server' ? ['May be altered while it runs.'] : []),
  ];
  return notes.map((note) => ` ${note}`).join('');
}
