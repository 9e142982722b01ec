/**
 * `millrace prove`: cuts the power of simulated disks under a flush policy and durability level, or under those of a data
 * directory, and prints the certificate: cuts, faults, acknowledged, lost by level, seed, and the command that does it again.
 *
 * Invariant: a violation ends with exit code 4 and its seed; the same seed draws the same disk and work; nothing of the
 * directory is changed but who held its lock last.
 */
import { type Durability, levelNumber, parseFlushText } from '../durability.ts';
import { settingsTable } from '../serve.ts';
import type { Certificate, ProfileCertificate } from '../testing/prove.ts';
import type { StoredPolicy } from '../testing/stored-policy.ts';
import { assertDirectory } from './data-directory.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { watchInterrupt } from './interrupt.ts';
import { Progress } from './progress.ts';
import { decideServe } from './serve-settings.ts';
import { DataOutput, type Terminal } from './terminal.ts';

export interface ProveCommand {
  /** As `serve --flush`; undefined: that of `dir`, else `always`. */
  readonly flush?: string | undefined;
  /** Undefined: `durable`, or with `dir` every level its topics allow. */
  readonly durability?: Durability | undefined;
  /** A data directory whose policy and topics are taken. */
  readonly dir?: string | undefined;
  /** The settings file its server is started with. */
  readonly config?: string | undefined;
  readonly cuts: number;
  readonly seed: number;
  readonly json: boolean;
  readonly progress: boolean;
}

/** Runs the cuts and prints the certificate. */
export async function prove(options: ProveCommand, terminal: Terminal): Promise<ExitCodeNumber> {
  const stored = await storedPolicyOf(options);
  const flush = options.flush === undefined ? undefined : parseFlushText(options.flush);
  const { provePowerCuts } = await import('../testing/prove.ts');
  using interrupt = watchInterrupt();
  let text = 'no power cut yet';
  let certificate: Certificate;
  {
    using _progress = new Progress(terminal, () => text, options.progress);
    certificate = await provePowerCuts({
      flush,
      durability: options.durability,
      stored,
      cuts: options.cuts,
      seed: options.seed,
      signal: interrupt.signal,
      onCut: ({ cuts, acknowledged, lost }) => {
        text = `${cuts} of ${options.cuts} power cuts, ${acknowledged} acknowledged, ${lost} lost`;
      },
    });
  }
  const replay = replayOf(options, certificate);
  const from = stored === undefined ? {} : { dir: options.dir, asOf: stored.asOf, flushFrom: stored.flushFrom };
  const data = options.json
    ? JSON.stringify({ ...from, ...certificate, replay })
    : [...describeSource(options, stored), ...describe(certificate, replay)].join('\n');
  await new DataOutput(terminal.stdout).text(`${data}\n`);
  return certificate.violations.length === 0 ? ExitCode.ok : ExitCode.damaged;
}

async function storedPolicyOf({ dir, config, flush }: ProveCommand): Promise<StoredPolicy | undefined> {
  if (dir === undefined) return undefined;
  assertDirectory(dir);
  const { storedPolicy } = await import('../testing/stored-policy.ts');
  if (config === undefined)
    return storedPolicy(dir, { flush: flush === undefined ? undefined : parseFlushText(flush) });
  const decided = decideServe({ config, ...(flush === undefined ? {} : { flush }) }, {}, settingsTable);
  return storedPolicy(dir, {
    flush: decided.flush,
    durability: decided.durability,
    settings: Object.fromEntries(decided.settings),
  });
}

/** The command that does the same again, or of a violation the run it happened in. */
function replayOf({ dir, config, flush, durability, cuts, seed }: ProveCommand, { violations }: Certificate): string {
  const [first] = violations;
  const run = first === undefined ? `--cuts ${cuts} --seed ${seed}` : `--cuts 4 --seed ${first.seed}`;
  const given = [
    ...(dir === undefined ? [] : [`--dir ${dir}`]),
    ...(config === undefined ? [] : [`--config ${config}`]),
    ...(flush === undefined && dir !== undefined ? [] : [`--flush ${flush ?? 'always'}`]),
    ...(durability === undefined && dir !== undefined ? [] : [`--durability ${durability ?? 'durable'}`]),
  ];
  return `millrace prove ${given.join(' ')} ${run}`;
}

function describeSource({ dir }: ProveCommand, stored: StoredPolicy | undefined): string[] {
  if (stored === undefined) return [];
  const asOf = {
    now: '',
    copy: ', from a copy of its manifest and journal: it is being served',
    checkpoint: ', as of its last checkpoint: it is being served',
  }[stored.asOf];
  const from = {
    given: 'as given',
    'last run': 'as its last run had it',
    default: 'the default, nothing else is known',
  };
  return [`directory     ${dir}${asOf}; flush policy ${from[stored.flushFrom]}`];
}

function describe(certificate: Certificate, replay: string): string[] {
  const { flush, durability, allowed, cuts, faults, operations, appended, acknowledged, lost, lostAtOnce } =
    certificate;
  const waits = durability === 'mixed' ? 'appends wait for what their topics allow' : `appends wait for ${durability}`;
  return [
    `policy        ${flush}, ${waits}: ${allowed}`,
    `power cuts    ${cuts}, over ${operations} operations of simulated disks; ${faults} lives had a fault as well`,
    `appended      ${appended} records`,
    `acknowledged  ${acknowledged} before the power went`,
    `lost          ${lost} of those acknowledged; ${lostAtOnce} by one cut at most`,
    ...certificate.profiles.flatMap(describeProfile),
    `violations    ${certificate.violations.length}`,
    ...certificate.violations.map(({ seed, what }) => `  seed ${seed}: ${what}`),
    `replay        ${replay}`,
    'It holds as far as your device keeps its flushes, which no program can prove: millrace doctor measures it.',
  ];
}

/** How many names of topics a line has room for. */
const NAMES = 5;

function describeProfile({ topics, flush, floor, levels }: ProfileCertificate): string[] {
  if (topics.length === 0) return [];
  const names =
    topics.length > NAMES
      ? `${topics.slice(0, NAMES).join(', ')} and ${topics.length - NAMES} more`
      : topics.join(', ');
  const counted = (['durable', 'written', 'memory'] as const)
    .filter((level) => levelNumber(level) >= levelNumber(floor) && levels[level].acknowledged > 0)
    .map((level) => `${level} ${levels[level].lost} of ${levels[level].acknowledged} lost`);
  return [`topics        ${names}: flush ${flush}, at least ${floor}: ${counted.join(', ')}`];
}
