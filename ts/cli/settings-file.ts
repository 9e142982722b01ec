/**
 * Settings files of serve: YAML or JSON with nested sections, Kafka's `.properties`, or a `redis.conf`. All become one flat
 * list of names and values, each with its place; what the names mean is decided by serve-settings.ts.
 *
 * Invariant: a line or value that is not understood is refused with its place, never skipped; a name that is given twice is
 * refused, but where the format has the last one win (redis.conf).
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { CliError, ExitCode, usage } from './exit.ts';
import { parseRedisConf } from './redis-conf.ts';
import { parseJson, parseYaml } from './settings-yaml.ts';

/** A value of a file, and where it stands: `FILE, line N`. */
export interface PlacedValue {
  readonly value: string;
  readonly place: string;
}

/** What a file says. */
export interface SettingsFile {
  readonly settings: Map<string, PlacedValue>;
  /** What is understood and changes nothing here: a line for people each, with its place. */
  readonly notes: readonly string[];
}

/** Longest file that is read, bytes: settings are short, and what is longer is another file. */
export const SETTINGS_FILE_MAX = 1024 * 1024;

/** Reads `path` by its ending. Throws a `CliError` (not found, or usage) with the file and line. */
export function readSettingsFile(path: string): SettingsFile {
  const text = readText(path);
  if (path.endsWith('.conf')) return parseRedisConf(path, text, readText);
  if (/\.ya?ml$/.test(path)) return { settings: parseYaml(path, text), notes: [] };
  if (path.endsWith('.json')) return { settings: parseJson(path, text), notes: [] };
  return { settings: parseProperties(path, text), notes: [] };
}

/** The text of a file. Throws a `CliError` when it is not there, too long, or no text. */
function readText(path: string): string {
  const bytes = readBytes(path);
  if (bytes.length > SETTINGS_FILE_MAX)
    throw usage(
      `${path}: it is longer than ${SETTINGS_FILE_MAX} bytes, which no settings file is: give another --config`,
    );
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw usage(`${path}: it is no text in UTF-8: give another --config, or save it as UTF-8`, { cause });
  }
}

/** At most one byte more than a file may have, so that a device or a pipe without an end is not read for ever. */
function readBytes(path: string): Buffer {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(SETTINGS_FILE_MAX + 1);
      let length = 0;
      while (length < bytes.length) {
        const count = readSync(descriptor, bytes, length, bytes.length - length, null);
        if (count === 0) break;
        length += count;
      }
      return bytes.subarray(0, length);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? ExitCode.notFound : ExitCode.failure;
    throw new CliError(code, `${path}: ${(cause as Error).message}`, { cause });
  }
}

function parseProperties(path: string, text: string): Map<string, PlacedValue> {
  const settings = new Map<string, PlacedValue>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith('!')) continue;
    const [, name, value] = /^([^=:\s]+)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    const place = `${path}, line ${index + 1}`;
    if (name === undefined || value === undefined) throw usage(`${place}: '${shortened(line)}' is not NAME=VALUE`);
    const before = settings.get(name);
    if (before !== undefined) throw usage(`${place}: ${name} is set a second time, first at ${before.place}: keep one`);
    settings.set(name, { value, place });
  }
  return settings;
}

/** Of a line that is told as it stands, what fits a screen. */
function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
