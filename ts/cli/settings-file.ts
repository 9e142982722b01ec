/**
 * Settings files of serve: JSON with nested sections, or Kafka's `.properties`. Both become one flat list of names and
 * values; what the names mean is decided by serve-settings.ts.
 *
 * Invariant: a line or value that is not understood is refused with its place, never skipped.
 */
import { readFileSync } from 'node:fs';
import { CliError, ExitCode, usage } from './exit.ts';

/** Reads `path` by its ending. Throws a `CliError` (not found, or usage) with the file and line. */
export function readSettingsFile(path: string): Map<string, string> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? ExitCode.notFound : ExitCode.failure;
    throw new CliError(code, `${path}: ${(cause as Error).message}`, { cause });
  }
  return path.endsWith('.json') ? parseJson(path, text) : parseProperties(path, text);
}

function parseJson(path: string, text: string): Map<string, string> {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (cause) {
    throw new CliError(ExitCode.usage, `${path}: ${(cause as Error).message}`, { cause });
  }
  const settings = new Map<string, string>();
  const visit = (prefix: string, value: unknown): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [name, inner] of Object.entries(value)) visit(prefix === '' ? name : `${prefix}.${name}`, inner);
    } else if (
      prefix !== '' &&
      (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    ) {
      settings.set(prefix, String(value));
    } else {
      throw usage(
        `${path}: ${prefix === '' ? 'the file' : prefix} must be ${prefix === '' ? 'an object' : 'text, a number or true or false'}`,
      );
    }
  };
  visit('', root);
  return settings;
}

function parseProperties(path: string, text: string): Map<string, string> {
  const settings = new Map<string, string>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith('!')) continue;
    const [, name, value] = /^([^=:\s]+)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw usage(`${path}, line ${index + 1}: '${line}' is not NAME=VALUE`);
    settings.set(name, value);
  }
  return settings;
}
