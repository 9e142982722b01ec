/** Sides that are Node processes of their own: the programs of benches/programs, each run in a fresh directory. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { figuresOf } from './load-tools.ts';
import type { Figures, Side, Workplace } from './scenario.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a program of benches/programs to its end and returns the figures it prints. */
export function runProgram(program: string, options: Readonly<Record<string, string | number>>): Promise<Figures> {
  const args = ['--import', 'tsx', fileURLToPath(new URL(`programs/${program}`, import.meta.url))];
  for (const [option, value] of Object.entries(options)) args.push(`--${option}`, String(value));
  return figuresOf(spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] }), program);
}

/** A side that is a program in a directory of its own each time, with the options of a closed loop. */
export function nodeProgram(
  name: string,
  program: string,
  workplace: Workplace,
  options: Readonly<Record<string, string | number>>,
): Side {
  let run = 0;
  const measure = (): Promise<Figures> => {
    run += 1;
    const { warmUpSeconds, seconds } = workplace.size;
    const directory = workplace.directory(`${name.replaceAll(/\W+/g, '-')}-${run}`);
    return runProgram(program, { directory, ...options, 'warm-up': warmUpSeconds, duration: seconds });
  };
  return { name, measure };
}
