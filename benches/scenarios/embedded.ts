/** Durable appends inside a Node process, against what Node offers and against what the kernel offers. */
import { join } from 'node:path';
import { runLoadTool } from '../load-tools.ts';
import { nodeProgram } from '../node-program.ts';
import type { Scenario, Side, Workplace } from '../scenario.ts';

const MILLRACE = 'millrace, durable';
const NODE = 'fs.promises write + datasync';
const BARE_RING = 'bare ring program in Rust';
const WRITERS = 128;
const SIZE = 128;
const LOOP = { writers: WRITERS, size: SIZE };

export const embeddedAppend: Scenario = {
  name: 'embedded-append',
  what: `${WRITERS} writers append ${SIZE} B each and wait until it is durable`,
  goals: [
    { figure: 'requestsPerSecond', side: MILLRACE, against: NODE, ratioAtLeast: 8 },
    { figure: 'requestsPerSecond', side: MILLRACE, against: BARE_RING, ratioAtLeast: 0.6 },
  ],
  async open(workplace) {
    const own = nodeProgram(MILLRACE, 'append-millrace.ts', workplace, LOOP);
    if (!workplace.size.rivals) return [own];
    return [own, nodeProgram(NODE, 'append-file.ts', workplace, LOOP), bareRing(workplace)];
  },
};

function bareRing(workplace: Workplace): Side {
  const file = join(workplace.directory('bare-ring'), 'file');
  const { warmUpSeconds, seconds } = workplace.size;
  const load = { file, ...LOOP, 'warm-up': warmUpSeconds, duration: seconds };
  return { name: BARE_RING, measure: () => runLoadTool('bare-ring', 'append', load) };
}
