/**
 * Flush policies, durability levels and the presets people know, with what each may lose.
 *
 * Not the execution of a policy: that is crates/journal. To remember: a policy says when the journal is flushed, a level
 * says what an acknowledgement waits for; the two are asked separately (docs/durability.md).
 */

import { MillraceError } from './errors.ts';
import type { LevelNumber } from './io/native-types.ts';
import type { FlushPolicy } from './log/types.ts';
import { parseDuration, parseSize } from './units.ts';

/** What an acknowledgement waits for: in memory, in the device or kernel, or flushed. */
export type Durability = 'memory' | 'written' | 'durable';

const levels: Record<Durability, LevelNumber> = { memory: 0, written: 1, durable: 2 };
const levelNames = ['memory', 'written', 'durable'] as const;

/** The engine's number of a level. Throws MILLRACE_OPTION for anything else. */
export function levelNumber(durability: Durability): LevelNumber {
  const level = levels[durability];
  if (level === undefined) {
    throw new MillraceError(
      'MILLRACE_OPTION',
      `durability must be memory, written or durable, not ${String(durability)}`,
    );
  }
  return level;
}

/** The word for a level. */
export function levelName(level: LevelNumber): Durability {
  return levelNames[level];
}

/** A flush policy as users may write it: words, or limits with units (`'100ms'`, `'64kb'`). */
export type FlushInput = 'always' | 'os' | { records?: number; bytes?: number | string; intervalMs?: number | string };

/** A flush policy in plain numbers; 0 = not set. */
export interface FlushNumbers {
  always: boolean;
  records: number;
  bytes: number;
  intervalMs: number;
}

/** Checks a policy and turns units into numbers. */
export function parseFlush(input: FlushInput): FlushPolicy {
  if (input === 'always' || input === 'os') return input;
  if (typeof input !== 'object' || input === null) {
    throw new MillraceError('MILLRACE_OPTION', "flush must be 'always', 'os' or { records, bytes, intervalMs }");
  }
  const policy: { records?: number; bytes?: number; intervalMs?: number } = {};
  if (input.records !== undefined) policy.records = positive('flush.records', input.records);
  if (input.bytes !== undefined) policy.bytes = positive('flush.bytes', parseSize('flush.bytes', input.bytes));
  if (input.intervalMs !== undefined) {
    policy.intervalMs = positive('flush.intervalMs', parseDuration('flush.intervalMs', input.intervalMs));
  }
  if (Object.keys(policy).length === 0) {
    throw new MillraceError('MILLRACE_OPTION', "flush names no limit; use 'os' to leave flushing to the system");
  }
  return policy;
}

/** `always`, `os`, `records=N`, `bytes=N`, `interval=T`, joined by commas: how the command line writes a policy. */
export function parseFlushText(text: string): FlushPolicy {
  if (text === 'always' || text === 'os') return text;
  const input: { records?: number; bytes?: string; intervalMs?: string } = {};
  for (const part of text.split(',')) {
    const [name, value] = part.split('=', 2);
    if (value === undefined) throw new MillraceError('MILLRACE_OPTION', `flush policy ${text} is not understood`);
    if (name === 'records') input.records = Number(value);
    else if (name === 'bytes') input.bytes = value;
    else if (name === 'interval') input.intervalMs = value;
    else throw new MillraceError('MILLRACE_OPTION', `flush policy ${text}: unknown limit ${name}`);
  }
  return parseFlush(input);
}

function positive(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new MillraceError('MILLRACE_OPTION', `${name} must be a whole number of at least 1, not ${value}`);
  }
  return value;
}

/** The policy as the engine takes it. */
export function flushNumbers(policy: FlushPolicy): FlushNumbers {
  if (policy === 'always') return { always: true, records: 0, bytes: 0, intervalMs: 0 };
  if (policy === 'os') return { always: false, records: 0, bytes: 0, intervalMs: 0 };
  const { records = 0, bytes = 0, intervalMs = 0 } = policy;
  return { always: false, records, bytes, intervalMs };
}

/** Undoes `flushNumbers`. */
export function policyOf({ always, records, bytes, intervalMs }: FlushNumbers): FlushPolicy {
  if (always) return 'always';
  if (records === 0 && bytes === 0 && intervalMs === 0) return 'os';
  return {
    ...(records > 0 ? { records } : {}),
    ...(bytes > 0 ? { bytes } : {}),
    ...(intervalMs > 0 ? { intervalMs } : {}),
  };
}

/** One line for banners: what the policy is. */
export function describeFlush(policy: FlushPolicy): string {
  if (typeof policy === 'string') return policy;
  const parts: string[] = [];
  if (policy.records !== undefined) parts.push(`records=${policy.records}`);
  if (policy.bytes !== undefined) parts.push(`bytes=${policy.bytes}`);
  if (policy.intervalMs !== undefined) parts.push(`interval=${policy.intervalMs}ms`);
  return parts.join(',');
}

/** What a power cut can take of what was acknowledged at `durability` under `policy`. kill -9 takes nothing of `written`. */
export function describeLoss(policy: FlushPolicy, durability: Durability): string {
  if (durability === 'durable') return 'a power cut loses nothing acknowledged';
  if (durability === 'memory') return 'a power cut or kill -9 loses what was not yet written';
  if (policy === 'always') return 'a power cut loses at most the commit under way';
  if (policy === 'os') return 'a power cut loses what the device had not yet persisted by itself';
  const limits: string[] = [];
  if (policy.records !== undefined) limits.push(`the last ${policy.records} records`);
  if (policy.bytes !== undefined) limits.push(`the last ${policy.bytes} bytes`);
  if (policy.intervalMs !== undefined) limits.push(`the last ${policy.intervalMs} ms`);
  const least = limits.length > 1 ? ', whichever is less' : '';
  return `a power cut loses at most ${limits.join(' or ')}${least}, plus one commit`;
}

/** A known setting of another system and what it means here. */
export interface Preset {
  readonly system: 'redis' | 'mysql' | 'kafka' | 'redpanda' | 'bitcask';
  /** The setting as its users know it; N and T stand for a number and a duration. */
  readonly setting: string;
  readonly policy: 'always' | 'records N' | 'bytes N' | 'interval T' | 'interval 1s' | 'os';
  readonly durability: Durability;
  /** What kill -9 may lose, and what a power cut may lose, of what was acknowledged. */
  readonly killLoses: string;
  readonly powerCutLoses: string;
}

const nothing = 'nothing acknowledged';
const unpersisted = 'what the device had not persisted';

/** The table of presets. */
export const presets: readonly Preset[] = [
  preset('redis', 'appendfsync always', 'always', 'durable', nothing, nothing),
  preset(
    'redis',
    'appendfsync everysec',
    'interval 1s',
    'written',
    nothing,
    'at most the last second, plus one commit',
  ),
  preset('redis', 'appendfsync no', 'os', 'written', nothing, unpersisted),
  preset('mysql', 'sync_binlog 1', 'always', 'durable', nothing, nothing),
  preset('mysql', 'sync_binlog N', 'records N', 'written', nothing, 'at most N records, plus one commit'),
  preset('mysql', 'sync_binlog 0', 'os', 'written', nothing, unpersisted),
  preset('mysql', 'innodb_flush_log_at_trx_commit 1', 'always', 'durable', nothing, nothing),
  preset(
    'mysql',
    'innodb_flush_log_at_trx_commit 2',
    'interval 1s',
    'written',
    nothing,
    'at most the last second, plus one commit',
  ),
  preset(
    'mysql',
    'innodb_flush_log_at_trx_commit 0',
    'interval 1s',
    'memory',
    'what was not yet written',
    'at most the last second, plus what was not yet written',
  ),
  preset('kafka', 'flush.messages=N', 'records N', 'written', nothing, 'at most N records, plus one commit'),
  preset('kafka', 'flush.ms=T', 'interval T', 'written', nothing, 'at most the last T, plus one commit'),
  preset(
    'redpanda',
    'write.caching=true, flush.ms=T',
    'interval T',
    'written',
    nothing,
    'at most the last T, plus one commit',
  ),
  preset(
    'redpanda',
    'write.caching=true, flush.bytes=N',
    'bytes N',
    'written',
    nothing,
    'at most N bytes, plus one commit',
  ),
  preset('bitcask', 'sync_strategy o_sync', 'always', 'durable', nothing, nothing),
  preset('bitcask', 'sync_strategy interval', 'interval T', 'written', nothing, 'at most the last T, plus one commit'),
  preset('bitcask', 'sync_strategy none', 'os', 'written', nothing, unpersisted),
];

function preset(
  system: Preset['system'],
  setting: string,
  policy: Preset['policy'],
  durability: Durability,
  killLoses: string,
  powerCutLoses: string,
): Preset {
  return { system, setting, policy, durability, killLoses, powerCutLoses };
}
