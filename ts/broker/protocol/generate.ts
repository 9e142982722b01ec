/**
 * Generates the codecs: `npx tsx ts/broker/protocol/generate.ts`. With `--check` nothing is written, and the exit code
 * says whether the committed files are what would be generated.
 *
 * The invariant to remember: output depends on `schemas/` and `generator/` alone, so the same commit gives the same bytes.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { APIS, type ApiEntry, DATA_MESSAGES } from './generator/apis.ts';
import { emitApiFile, emitDataFile } from './generator/emit-file.ts';
import { type Message, parseSchema } from './generator/schema.ts';
import { kebab } from './generator/types.ts';

const here = import.meta.dirname;
const outputFolder = join(here, 'gen');

/** The clipped schema of one message, e.g. `FetchRequest`, from `folder`. */
export function loadMessage(name: string, entry: ApiEntry, folder: string = join(here, 'schemas')): Message {
  const text = readFileSync(join(folder, `${name}.json`), 'utf8');
  return parseSchema(text, { low: entry.minVersion, high: entry.maxVersion });
}

/** Every generated file: name -> text. */
export function generateAll(): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of APIS) {
    const request = loadMessage(`${entry.name}Request`, entry);
    const response = loadMessage(`${entry.name}Response`, entry);
    const file = `${String(request.apiKey).padStart(2, '0')}-${kebab(entry.name)}.gen.ts`;
    files.set(file, emitApiFile(entry.name, entry.release, request, response));
  }
  for (const entry of DATA_MESSAGES) {
    files.set(`${kebab(entry.name)}.gen.ts`, emitDataFile(entry.release, loadMessage(entry.name, entry)));
  }
  return files;
}

/** Names of files in `gen/` that are missing, extra or different. */
export function outdatedFiles(): string[] {
  const wanted = generateAll();
  const present = existsSync(outputFolder) ? readdirSync(outputFolder) : [];
  const extra = present.filter((file) => !wanted.has(file));
  const changed = [...wanted].filter(
    ([file, text]) => !present.includes(file) || readFileSync(join(outputFolder, file), 'utf8') !== text,
  );
  return [...extra, ...changed.map(([file]) => file)].sort();
}

function main(): void {
  const outdated = outdatedFiles();
  if (process.argv.includes('--check')) {
    for (const file of outdated) console.error(`out of date: ${file}`);
    process.exitCode = outdated.length === 0 ? 0 : 1;
    return;
  }
  const wanted = generateAll();
  mkdirSync(outputFolder, { recursive: true });
  for (const file of outdated) {
    const text = wanted.get(file);
    if (text === undefined) rmSync(join(outputFolder, file));
    else writeFileSync(join(outputFolder, file), text);
  }
  console.log(`${outdated.length} of ${wanted.size} files written`);
}

if (process.argv[1] === import.meta.filename) main();
