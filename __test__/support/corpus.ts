/**
 * Real text for conformance tests: every text file of the TypeScript package, line by line.
 *
 * Invariant: the text has what line-wise tools stumble over (asserted here): empty lines, very long lines, carriage
 * returns, UTF-8 beyond ASCII; and every line ends in a line feed.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const LINES_MIN = 100_000;
const LONG_LINE = 100_000;

export interface Corpus {
  /** All lines, each followed by a line feed. */
  readonly text: Buffer;
  /** The lines without their line feeds. */
  readonly lines: readonly Buffer[];
}

/** Reads the corpus: about 107,000 lines, 6 MB, the same for one lock file. */
export function readCorpus(): Corpus {
  const files = ['typescript', '@typescript'].flatMap((name) => filesBelow(join(modules, name)));
  const texts = files.map((file) => readFileSync(file)).filter(isText);
  const text = Buffer.concat(
    texts.flatMap((bytes) => (bytes.at(-1) === LINE_FEED ? [bytes] : [bytes, Buffer.of(LINE_FEED)])),
  );
  const lines = splitLines(text);
  if (lines.length < LINES_MIN) throw new Error(`the corpus has only ${lines.length} lines`);
  if (!lines.some((line) => line.length === 0)) throw new Error('the corpus has no empty line');
  if (!lines.some((line) => line.length > LONG_LINE)) throw new Error('the corpus has no very long line');
  if (!lines.some((line) => line.at(-1) === CARRIAGE_RETURN)) throw new Error('the corpus has no carriage return');
  if (text.every((byte) => byte < 0x80)) throw new Error('the corpus has nothing beyond ASCII');
  return { text, lines };
}

/** Cuts at line feeds; what follows the last one, if anything, is a line too. */
export function splitLines(text: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf(LINE_FEED, start);
    const stop = end === -1 ? text.length : end;
    lines.push(text.subarray(start, stop));
    start = stop + 1;
  }
  return lines;
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return filesBelow(path);
      return entry.isFile() ? [path] : [];
    });
}

function isText(bytes: Buffer): boolean {
  if (bytes.length === 0 || bytes.includes(0)) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
