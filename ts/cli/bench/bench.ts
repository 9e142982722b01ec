/**
 * `millrace bench`: prepares what is measured, runs the load, prints figures with their conditions. What an operation is
 * stands in the files beside this one.
 *
 * Invariant: whatever happens, what the bench has created is removed before the verb ends.
 */
import { writeFileSync } from 'node:fs';
import { ExitCode, type ExitCodeNumber, usage } from '../exit.ts';
import { watchInterrupt } from '../interrupt.ts';
import { Progress } from '../progress.ts';
import { DataOutput, type Terminal, tell } from '../terminal.ts';
import { compare, describe, percentileFile, readEarlier, resultOf } from './figures.ts';
import { type LoadShape, runLoad } from './load.ts';
import type { Workload } from './workload.ts';

/** How a bench runs and what is printed. */
export interface RunOptions {
  readonly clients: number;
  readonly inFlight: number;
  /** Records a second; undefined: as many as come back. */
  readonly rate?: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
  readonly json: boolean;
  readonly hdr?: string;
  readonly compare?: string;
  readonly progress: boolean;
}

/** Runs one bench. Exit code 5 when a rate was asked for and not reached. */
export async function bench(
  name: string,
  options: RunOptions,
  prepare: () => Promise<Workload>,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const earlier = options.compare === undefined ? undefined : readEarlier(options.compare);
  using interrupt = watchInterrupt();
  let text = 'preparing';
  using progress = new Progress(terminal, () => text, options.progress);
  await using workload = await prepare();
  const shape = shapeOf(options, workload);
  const began = performance.now();
  text = `measuring: ${(options.warmUpMs + options.durationMs) / 1000} s`;
  let records = 0;
  const measured = await runLoad(
    shape,
    async (client, due) => {
      const moved = await workload.operate(client, due);
      records += moved;
      text = `${records} records in ${((performance.now() - began) / 1000).toFixed(0)} s`;
      return moved;
    },
    interrupt.signal,
  );
  progress[Symbol.dispose]();
  const result = resultOf(name, workload.conditions, shape, measured, workload.bytesEach);
  await new DataOutput(terminal.stdout).text(options.json ? `${JSON.stringify(result)}\n` : describe(result));
  if (options.hdr !== undefined) writeFileSync(options.hdr, percentileFile(measured));
  if (earlier !== undefined) terminal.stderr.write(compare(earlier, result));
  if (interrupt.signal.aborted) return ExitCode.interrupted;
  if (result.rateMet) return ExitCode.ok;
  tell(terminal, `millrace: ${Math.round(result.operationsPerSecond)} operations/s of ${result.rate} asked for`);
  return ExitCode.degraded;
}

function shapeOf({ clients, inFlight, rate, warmUpMs, durationMs }: RunOptions, { recordsEach }: Workload): LoadShape {
  if (rate !== undefined && recordsEach === undefined) throw usage('a reader has no rate of its own: leave out --rate');
  return { clients, inFlight, rate: rate && rate / (recordsEach ?? 1), warmUpMs, durationMs };
}
