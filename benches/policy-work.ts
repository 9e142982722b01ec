/**
 * What each flush policy and durability level is measured by: appends to an embedded log, one caller at a time, at a fixed
 * rate, and by a crowd.
 *
 * Not who prints it: policies.ts a table to choose by, scenarios/policies.ts a part of the bench page.
 */
import { produceEmbedded } from '../ts/cli/bench/embedded.ts';
import { type BenchResult, resultOf } from '../ts/cli/bench/figures.ts';
import { type LoadShape, runLoad } from '../ts/cli/bench/load.ts';
import type { Durability } from '../ts/durability.ts';

/** A promise: policy and level. */
export type Promised = readonly [flush: string, durability: Durability];

/** What is compared, the strongest promise first. */
export const policies: readonly Promised[] = [
  ['always', 'durable'],
  ['interval=100ms', 'durable'],
  ['records=1000', 'written'],
  ['interval=100ms', 'written'],
  ['interval=1s', 'written'],
  ['os', 'written'],
  ['os', 'memory'],
];
/** Callers that append at the same time. */
export const CROWD = 128;
/** Bytes of a record. */
export const SIZE = 128;

/** One measurement of one promise. */
export interface PolicyRound {
  readonly alone: BenchResult;
  readonly steady: BenchResult;
  readonly crowd: BenchResult;
}

/** How long and how fast. */
export interface PolicyLoad {
  readonly dir: string;
  readonly durationMs: number;
  /** Records a second of the steady stretch. */
  readonly rate: number;
}

/** Measures one promise once, in directories of its own below `dir`. */
export async function policyRound(promised: Promised, { dir, durationMs, rate }: PolicyLoad): Promise<PolicyRound> {
  const common = { warmUpMs: durationMs / 5, durationMs, inFlight: 1 };
  return {
    alone: await measure(promised, dir, { ...common, clients: 1, rate: undefined }),
    steady: await measure(promised, dir, { ...common, clients: 1, rate }),
    crowd: await measure(promised, dir, { ...common, clients: CROWD, rate: undefined }),
  };
}

/** One stretch of one kind of load. */
async function measure([flush, durability]: Promised, dir: string, shape: LoadShape): Promise<BenchResult> {
  await using workload = await produceEmbedded({
    clients: shape.clients,
    inFlight: shape.inFlight,
    size: SIZE,
    dir,
    flush,
    durability,
    partitions: 1,
    batch: 1,
    records: 0,
    acks: 'all',
    compression: 'none',
  });
  const measured = await runLoad(shape, workload.operate, new AbortController().signal);
  return resultOf('policies', workload.conditions, shape, measured, SIZE);
}
