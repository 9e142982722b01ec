/**
 * Transcripts: a text file of commands, each followed by what came out, reviewed as text.
 *
 * Not the machine under test: the caller runs a command and returns its output. Run with MILLRACE_REWRITE=1 to write the
 * outputs anew; the difference is then for a person to read.
 */
import { readFileSync, writeFileSync } from 'node:fs';

/** One command and the output the file holds for it. Comments and blank lines before it stay with it. */
interface Step {
  readonly lead: string[];
  readonly command: string;
  readonly expected: string[];
}

const SEPARATOR = '----';

function parse(text: string): { steps: Step[]; tail: string[] } {
  const steps: Step[] = [];
  let lead: string[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    if (line === '' || line.startsWith('#')) {
      lead.push(line);
      continue;
    }
    const expected: string[] = [];
    if (lines[at + 1] === SEPARATOR) at++;
    while (lines[at + 1] !== undefined && lines[at + 1] !== '') expected.push(lines[++at] as string);
    steps.push({ lead, command: line, expected });
    lead = [];
  }
  return { steps, tail: lead };
}

/** Runs every command of `file`; returns what the file says and what came out, as two texts to compare. */
export function replay(file: string, run: (command: string) => string[]): { expected: string; actual: string } {
  const expected = readFileSync(file, 'utf8');
  const { steps, tail } = parse(expected);
  if (steps.length === 0) throw new Error(`${file} holds no command`);
  const lines: string[] = [];
  for (const { lead, command } of steps) lines.push(...lead, command, SEPARATOR, ...run(command));
  const actual = [...lines, ...tail].join('\n');
  if (process.env.MILLRACE_REWRITE === '1') writeFileSync(file, actual);
  return { expected: process.env.MILLRACE_REWRITE === '1' ? actual : expected, actual };
}
