/**
 * `millrace prove`: cuts the power of simulated disks under a flush policy and durability level, and prints the certificate:
 * cuts, acknowledged, lost, seed, and the command that does it again.
 *
 * Invariant: a violation ends with exit code 4 and its seed; the same seed draws the same disk and work.
 */
import { type Durability, parseFlushText } from '../durability.ts';
import type { Certificate } from '../testing/prove.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { watchInterrupt } from './interrupt.ts';
import { Progress } from './progress.ts';
import { DataOutput, type Terminal } from './terminal.ts';

export interface ProveCommand {
  /** As `serve --flush`. */
  readonly flush: string;
  readonly durability: Durability;
  readonly cuts: number;
  readonly seed: number;
  readonly json: boolean;
  readonly progress: boolean;
}

/** Runs the cuts and prints the certificate. */
export async function prove(options: ProveCommand, terminal: Terminal): Promise<ExitCodeNumber> {
  const flush = parseFlushText(options.flush);
  const { provePowerCuts } = await import('../testing/prove.ts');
  using interrupt = watchInterrupt();
  let text = 'no power cut yet';
  let certificate: Certificate;
  {
    using _progress = new Progress(terminal, () => text, options.progress);
    certificate = await provePowerCuts({
      flush,
      durability: options.durability,
      cuts: options.cuts,
      seed: options.seed,
      signal: interrupt.signal,
      onCut: ({ cuts, acknowledged, lost }) => {
        text = `${cuts} of ${options.cuts} power cuts, ${acknowledged} acknowledged, ${lost} lost`;
      },
    });
  }
  const replay = replayOf(options, certificate);
  const data = options.json ? `${JSON.stringify({ ...certificate, replay })}\n` : `${describe(certificate, replay)}\n`;
  await new DataOutput(terminal.stdout).text(data);
  return certificate.violations.length === 0 ? ExitCode.ok : ExitCode.damaged;
}

function replayOf({ flush, durability, cuts, seed }: ProveCommand, { violations }: Certificate): string {
  const [first] = violations;
  const run = first === undefined ? `--cuts ${cuts} --seed ${seed}` : `--cuts 4 --seed ${first.seed}`;
  return `millrace prove --flush ${flush} --durability ${durability} ${run}`;
}

function describe(certificate: Certificate, replay: string): string {
  const { flush, durability, allowed, cuts, operations, appended, acknowledged, lost, lostAtOnce } = certificate;
  const lines = [
    `policy        ${flush}, appends wait for ${durability}: ${allowed}`,
    `power cuts    ${cuts}, over ${operations} operations of simulated disks`,
    `appended      ${appended} records`,
    `acknowledged  ${acknowledged} before the power went`,
    `lost          ${lost} of those acknowledged; ${lostAtOnce} by one cut at most`,
    `violations    ${certificate.violations.length}`,
    ...certificate.violations.map(({ seed, what }) => `  seed ${seed}: ${what}`),
    `replay        ${replay}`,
    'It holds as far as your device keeps its flushes, which no program can prove: millrace doctor measures it.',
  ];
  return lines.join('\n');
}
