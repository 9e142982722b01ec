/** Durable appends inside a Node process, against what Node offers and against what the kernel offers. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { figuresOf, runLoadTool } from '../load-tools.ts';
import type { Figures, Scenario, Side, Workplace } from '../scenario.ts';

const MILLRACE = 'millrace, durable';
const NODE = 'fs.promises write + datasync';
const BARE_RING = 'bare ring program in Rust';
const WRITERS = 128;
const SIZE = 128;

const root = fileURLToPath(new URL('../..', import.meta.url));

export const embeddedAppend: Scenario = {
  name: 'embedded-append',
  what: `${WRITERS} writers append ${SIZE} B each and wait until it is durable`,
  goals: [
    { figure: 'requestsPerSecond', side: MILLRACE, against: NODE, ratioAtLeast: 8 },
    { figure: 'requestsPerSecond', side: MILLRACE, against: BARE_RING, ratioAtLeast: 0.6 },
  ],
  async open(workplace) {
    const own = nodeProgram(MILLRACE, 'append-millrace.ts', workplace);
    if (!workplace.size.rivals) return [own];
    return [own, nodeProgram(NODE, 'append-file.ts', workplace), bareRing(workplace)];
  },
};

function bareRing(workplace: Workplace): Side {
  const file = join(workplace.directory('bare-ring'), 'file');
  const { warmUpSeconds, seconds } = workplace.size;
  const load = { file, writers: WRITERS, size: SIZE, 'warm-up': warmUpSeconds, duration: seconds };
  return { name: BARE_RING, measure: () => runLoadTool('bare-ring', 'append', load) };
}

/** A side that is a Node process of its own each time, in a directory of its own each time. */
function nodeProgram(name: string, program: string, workplace: Workplace): Side {
  let run = 0;
  const measure = (): Promise<Figures> => {
    run += 1;
    const { warmUpSeconds, seconds } = workplace.size;
    const args = ['--import', 'tsx', fileURLToPath(new URL(`../programs/${program}`, import.meta.url))];
    const options = {
      directory: workplace.directory(`${program}-${run}`),
      writers: WRITERS,
      size: SIZE,
      'warm-up': warmUpSeconds,
      duration: seconds,
    };
    for (const [option, value] of Object.entries(options)) args.push(`--${option}`, String(value));
    return figuresOf(spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] }), program);
  };
  return { name, measure };
}
