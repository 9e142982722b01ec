/**
 * `millrace repair DIR|FILE`: says what would be repaired; with `--execute`, does it. Indexes and hints are built anew, damaged
 * journal files are copied away; no record is removed, and only with `--skip-damaged` are offsets and keys given up that are
 * lost, only with `--truncate-at-first-bad` what lies behind them.
 *
 * Invariant: without `--execute` nothing is changed; what is replaced lies in `repair/` of the directory afterwards.
 */
import { type RepairStep, repairDirectory } from '../verify.ts';
import { printable } from './columns.ts';
import { placeOf } from './data-directory.ts';
import { ExitCode, type ExitCodeNumber, usage } from './exit.ts';
import { DataOutput, type Terminal } from './terminal.ts';
import { exitCodeOf } from './verify.ts';

export interface RepairCommand {
  readonly apply: boolean;
  readonly rebuildIndex: boolean;
  readonly fence: boolean;
  readonly skipDamaged: boolean;
  readonly truncateAtFirstBad: boolean;
  readonly json: boolean;
}

/** Repairs what is at `path`, or says what that would be. Exit code 4 while damage stays, 0 when all could be repaired. */
export async function repair(path: string, options: RepairCommand, terminal: Terminal): Promise<ExitCodeNumber> {
  const { dir, file } = placeOf(path);
  if (dir === undefined) throw usage(`${path} lies in no data directory`);
  if (options.fence && (options.skipDamaged || options.truncateAtFirstBad)) {
    throw usage('--fence keeps damaged ranges fenced: leave out what gives them up');
  }
  if (file !== undefined && options.truncateAtFirstBad) {
    throw usage('--truncate-at-first-bad is of partitions, whose records lie in many files: name the directory');
  }
  const { steps, keptIn, ...summary } = repairDirectory(dir, { ...options, ...(file === undefined ? {} : { file }) });
  const data = [...steps, { kind: 'summary', applied: options.apply, keptIn: keptIn ?? null, ...summary }];
  const lines = options.json
    ? data.map((one) => JSON.stringify(one))
    : steps.map((step) => textLine(step, options.apply));
  if (lines.length > 0) await new DataOutput(terminal.stdout).text(`${lines.join('\n')}\n`);
  if (!options.json) terminal.stderr.write(`${sentence(steps.length, options.apply, keptIn)}\n`);
  if (!options.apply) return exitCodeOf(summary);
  const stays = steps.some(({ kind, file }) => kind === 'fenced' || (kind === 'copy' && file.startsWith('journal')));
  return stays ? ExitCode.damaged : ExitCode.ok;
}

function textLine(step: RepairStep, applied: boolean): string {
  const { kind, file, store } = step;
  const detail = withTopic(step);
  switch (kind) {
    case 'rebuild':
      return `${applied ? 'rebuilt' : 'would rebuild'} ${file}: ${detail}`;
    case 'copy':
      return `${applied ? 'copied away' : 'would copy away'} ${file}: ${detail}`;
    case 'skip':
      return `${applied ? 'given up' : 'would give up'} ${file}: ${detail}; ${store === undefined ? 'reads go on behind them' : 'their keys are absent then'}`;
    case 'fenced':
      return `stays fenced: ${file}: ${detail}`;
  }
}

/** What is lost, by topic and partition where they are known: the engine's number stands behind them. */
function withTopic({ detail, partition, topic, topicPartition }: RepairStep): string {
  if (partition === undefined || topic === undefined) return detail;
  const own = `partition ${partition}`;
  const named = `topic ${printable(topic)}, partition ${topicPartition} (the engine's ${partition})`;
  return detail.startsWith(own) ? `${named}${detail.slice(own.length)}` : `${named}: ${detail}`;
}

function sentence(steps: number, applied: boolean, keptIn: string | undefined): string {
  if (steps === 0) return 'nothing to repair: everything verifies';
  if (!applied) return 'nothing was changed: --execute does it';
  return keptIn === undefined ? 'nothing could be built anew' : `what was replaced or copied lies in ${keptIn}`;
}
