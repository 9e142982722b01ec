/**
 * `provePowerCuts`: many power cuts on simulated disks under a flush policy and durability level of yours, or under those of
 * a data directory, each judged by what was acknowledged before it. What `millrace prove` runs.
 *
 * Not a proof about your device: the simulated one keeps its flushes, as yours must. To remember: one seed is one run of
 * some cuts, and the same seed does the same again.
 */
import {
  type Durability,
  describeFlush,
  describeLoss,
  type FlushInput,
  levelNumber,
  parseFlush,
} from '../durability.ts';
import type { FlushPolicy } from '../log/types.ts';
import { type LevelCounts, Run, type RunCounts, type RunTopic } from './prove-run.ts';
import type { Profile, StoredPolicy } from './stored-policy.ts';

/** What is to be proven. */
export interface ProofOptions {
  /** Default: that of `stored`, else `always`. */
  readonly flush?: FlushInput | undefined;
  /** What every append waits for at least. Default: `durable`; with `stored`, every level its topics allow, mixed. */
  readonly durability?: Durability | undefined;
  /** What a data directory says (`storedPolicy`): its policy and its topics' settings. */
  readonly stored?: StoredPolicy | undefined;
  /** Power cuts. Default 1,000. */
  readonly cuts?: number;
  /** The first seed. Default 1. */
  readonly seed?: number;
  /** Told after every cut. */
  readonly onCut?: (sofar: Certificate) => void;
  readonly signal?: AbortSignal;
}

/** What came of topics that are flushed alike and promise alike. */
export interface ProfileCertificate {
  /** Topics of the directory it stands for. */
  readonly topics: readonly string[];
  readonly flush: string;
  readonly floor: Durability;
  /** By what an append waited for. */
  readonly levels: Readonly<Record<Durability, Readonly<LevelCounts>>>;
}

/** What came of it. */
export interface Certificate {
  readonly flush: string;
  /** `mixed`: every level that the topics allow. */
  readonly durability: Durability | 'mixed';
  /** What may be lost, in words. */
  readonly allowed: string;
  readonly seed: number;
  readonly cuts: number;
  /** Lives in which calls of the disk failed beside the cut. */
  readonly faults: number;
  /** Operations of the disk that were in flight or done, over all runs. */
  readonly operations: number;
  /** Records whose append was called. */
  readonly appended: number;
  /** Of those, acknowledged at the level asked for before the power went. */
  readonly acknowledged: number;
  /** Of those acknowledged, not there afterwards. */
  readonly lost: number;
  /** The most that one cut took of what was acknowledged. */
  readonly lostAtOnce: number;
  /** The same by topic and level. */
  readonly profiles: readonly ProfileCertificate[];
  /** What must never be, each with its seed. */
  readonly violations: readonly { readonly seed: number; readonly what: string }[];
}

/** Lives of one disk: each ends with a cut. */
const LIVES = 4;
const LEVELS = ['memory', 'written', 'durable'] as const;

/** Runs the cuts. Rejects when `signal` aborts, and with MILLRACE_OPTION for a policy that is none. */
export async function provePowerCuts(options: ProofOptions = {}): Promise<Certificate> {
  const { stored, cuts = 1000, seed = 1, onCut, signal } = options;
  const policy = parseFlush(options.flush ?? stored?.flush ?? 'always');
  const durability = options.durability ?? (stored === undefined ? 'durable' : undefined);
  const profiles = stored?.profiles ?? [];
  const topics =
    profiles.length === 0 ? [topicOf(undefined, durability)] : profiles.map((one) => topicOf(one, durability));
  const counts = emptyCounts(topics.length);
  let done = 0;
  let violations: Certificate['violations'] = [];
  const certificate = (): Certificate => ({
    flush: describeFlush(policy),
    durability: durability ?? 'mixed',
    allowed: durability === undefined ? describeMixed(policy) : describeLoss(policy, durability),
    seed,
    cuts: done,
    faults: counts.faults,
    operations: counts.operations,
    appended: counts.appended,
    acknowledged: counts.acknowledged,
    lost: counts.lost,
    lostAtOnce: counts.lostAtOnce,
    profiles: topics.map((topic, index) => profileOf(profiles[index], topic, policy, counts.topics[index])),
    violations,
  });
  for (let next = seed; done < cuts; next++) {
    using run = new Run(next, policy, topics, counts);
    for (let life = 0; life < LIVES && done < cuts; life++) {
      signal?.throwIfAborted();
      const what = await run.live();
      done += 1;
      if (what !== undefined) violations = [...violations, { seed: next, what }];
      onCut?.(certificate());
      if (what !== undefined) break;
    }
  }
  return certificate();
}

/** A topic of the runs: its appends wait for `durability`, or for anything, but never for less than its floor. */
function topicOf(profile: Profile | undefined, durability: Durability | undefined): RunTopic {
  const floor = levelNumber(profile?.floor ?? 'memory');
  const asked = durability === undefined ? LEVELS : [durability];
  const levels = asked.map((level) => (levelNumber(level) < floor ? (profile?.floor ?? level) : level));
  return { levels: [...new Set(levels)], partitions: profile?.partitions ?? {} };
}

function profileOf(
  profile: Profile | undefined,
  topic: RunTopic,
  policy: FlushPolicy,
  levels: Record<Durability, LevelCounts> = emptyLevels(),
): ProfileCertificate {
  const copied = LEVELS.map((level) => [level, { ...levels[level] }] as const);
  return {
    topics: profile?.topics ?? [],
    flush: profile?.flush ?? describeFlush(policy),
    floor: profile?.floor ?? topic.levels[0] ?? 'durable',
    levels: Object.fromEntries(copied) as Record<Durability, LevelCounts>,
  };
}

function describeMixed(policy: FlushPolicy): string {
  return `acks=all: ${describeLoss(policy, 'durable')}; acks=1: ${describeLoss(policy, 'written')}; acks=0: ${describeLoss(policy, 'memory')}`;
}

function emptyLevels(): Record<Durability, LevelCounts> {
  const none = (): LevelCounts => ({ acknowledged: 0, lost: 0 });
  return { memory: none(), written: none(), durable: none() };
}

function emptyCounts(topics: number): RunCounts {
  return {
    faults: 0,
    operations: 0,
    appended: 0,
    acknowledged: 0,
    lost: 0,
    lostAtOnce: 0,
    topics: Array.from({ length: topics }, emptyLevels),
  };
}
