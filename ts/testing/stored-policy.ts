/**
 * What a data directory of yours says about durability: the flush policy of its last run, the settings of its topics, and
 * what acknowledgements of each stand for at least.
 *
 * Not an opening: nothing of the directory is changed. To remember: topics that are flushed alike and promise alike are one
 * profile, however many they are.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerConfigStore } from '../broker/metadata/broker-config-store.ts';
import { BrokerSettings } from '../broker/settings.ts';
import { type Durability, describeFlush, levelName, levelNumber, parseFlushText } from '../durability.ts';
import { MillraceError } from '../errors.ts';
import { fromNative } from '../io/native-error.ts';
import type { LevelNumber } from '../io/native-types.ts';
import { nativeStoredEntries } from '../io/verify.ts';
import { TopicCatalogue } from '../log/catalogue.ts';
import type { FlushPolicy, PartitionSettings } from '../log/types.ts';

/** Topics that are flushed alike and promise alike. */
export interface Profile {
  /** Their names, sorted. */
  readonly topics: readonly string[];
  /** Their own flush policy; undefined: the server's. */
  readonly flush: string | undefined;
  /** No acknowledgement stands for less: their `min.durability`, or the server's. */
  readonly floor: Durability;
  /** What the engine is told of their partitions. */
  readonly partitions: PartitionSettings;
}

/** What a directory says. */
export interface StoredPolicy {
  /** The server's flush policy. */
  readonly flush: FlushPolicy;
  /** Where it is from. */
  readonly flushFrom: 'given' | 'last run' | 'default';
  /**
   * What was read: the directory; a copy of its manifest and journal, because a server had it open; or only what its last
   * checkpoint has, because that went on changing.
   */
  readonly asOf: 'now' | 'copy' | 'checkpoint';
  /** At least one. */
  readonly profiles: readonly Profile[];
}

/** What is known beside the directory: what a server was started with and does not store. */
export interface GivenPolicy {
  readonly flush?: FlushPolicy | undefined;
  /** The server's floor. */
  readonly durability?: Durability | undefined;
  /** Broker settings by Kafka's names. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

type Entry = [key: Uint8Array, value: Uint8Array];

/**
 * Reads what the directory says; with a server on it, from a copy of its manifest and journal in the folder for temporary
 * files. Throws MILLRACE_FOREIGN_FILE, MILLRACE_FORMAT
 * and MILLRACE_IO as an opening does.
 */
export function storedPolicy(dir: string, given: GivenPolicy = {}): StoredPolicy {
  // Locking would leave a file behind in a directory that is none of ours.
  if (!existsSync(join(dir, 'manifest'))) {
    throw new MillraceError('MILLRACE_FOREIGN_FILE', `${dir} has no manifest`, { path: dir });
  }
  const { entries, asOf } = readEntries(dir);
  const source = { scanState: (prefix: Uint8Array) => withPrefix(entries, prefix), submit: refuse };
  const settings = new BrokerSettings(given.settings ?? {});
  const own = withPrefix(entries, Buffer.from('setting/')).map(([key]) => Number(Buffer.from(key).toString().slice(8)));
  const nodeId = own.find((id) => Number.isSafeInteger(id)) ?? settings.number('node.id');
  new BrokerConfigStore(source, nodeId, (broker, defaults) => settings.alter(broker, defaults));
  const catalogue = new TopicCatalogue(source, () => '', Date.now);
  const serverFloor = levelNumber(given.durability ?? 'memory');
  const profiles = new Map<string, Profile & { topics: string[] }>();
  const topics = [...catalogue.all()].sort((left, right) => (left.name < right.name ? -1 : 1));
  for (const topic of topics) {
    const limits = settings.limitsOf(topic);
    const { flush, segmentBytes, segmentMs, compact } = limits.partitions;
    const floor = levelName(Math.max(limits.floor, serverFloor) as LevelNumber);
    const like = JSON.stringify([flush, floor, segmentBytes, segmentMs, compact]);
    const profile = profiles.get(like) ?? {
      topics: [],
      flush: flush === undefined ? undefined : describeFlush(flush),
      floor,
      partitions: limits.partitions,
    };
    profile.topics.push(topic.name);
    profiles.set(like, profile);
  }
  const none: Profile = { topics: [], flush: undefined, floor: levelName(serverFloor), partitions: {} };
  return { ...serverFlush(dir, given), asOf, profiles: profiles.size === 0 ? [none] : [...profiles.values()] };
}

function readEntries(dir: string): { entries: Entry[]; asOf: StoredPolicy['asOf'] } {
  const pairs = (flat: readonly Buffer[]): Entry[] =>
    flat.flatMap((key, at) => (at % 2 === 0 ? [[key, flat[at + 1] ?? Buffer.alloc(0)] as Entry] : []));
  try {
    return { entries: pairs(nativeStoredEntries(dir, false)), asOf: 'now' };
  } catch (error) {
    const known = fromNative(error, dir);
    if (!(known instanceof MillraceError) || known.code !== 'MILLRACE_LOCKED') throw known;
  }
  try {
    const copied = readCopy(dir);
    if (copied !== undefined) return { entries: pairs(copied), asOf: 'copy' };
    return { entries: pairs(nativeStoredEntries(dir, true)), asOf: 'checkpoint' };
  } catch (error) {
    throw fromNative(error, dir);
  }
}

/** How often a copy is tried: none is whole when a checkpoint is published meanwhile. */
const COPIES = 3;

/** Keys and values in turn, from a copy of manifest and journal: what a kill of the server would leave. */
function readCopy(dir: string): Buffer[] | undefined {
  for (let attempt = 0; attempt < COPIES; attempt += 1) {
    const copy = mkdtempSync(join(tmpdir(), 'millrace-stored-'));
    try {
      const before = readManifest(dir);
      for (const [name, bytes] of before) writeFileSync(join(copy, name), bytes);
      cpSync(join(dir, 'journal'), join(copy, 'journal'), { recursive: true });
      const after = readManifest(dir);
      const isSame = before.every(([name, bytes], at) => name === after[at]?.[0] && after[at][1].equals(bytes));
      if (isSame && before.length === after.length) return nativeStoredEntries(copy, false);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  }
  return undefined;
}

/** The files of the manifest that are there, with what they hold: a base, and its edits. */
function readManifest(dir: string): [name: string, bytes: Buffer][] {
  const names = ['manifest', 'manifest.edits'].filter((name) => existsSync(join(dir, name)));
  return names.map((name) => [name, readFileSync(join(dir, name))]);
}

function withPrefix(entries: readonly Entry[], prefix: Uint8Array): Entry[] {
  return entries.filter(([key]) => Buffer.from(key).subarray(0, prefix.length).equals(prefix));
}

function refuse(): never {
  throw new Error('a stored policy is only read');
}

/** The policy that was given, else that of the newest account in `recovery/`, else the default. */
function serverFlush(dir: string, { flush }: GivenPolicy): Pick<StoredPolicy, 'flush' | 'flushFrom'> {
  if (flush !== undefined) return { flush, flushFrom: 'given' };
  try {
    const names = readdirSync(join(dir, 'recovery')).flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? []);
    const newest = join(dir, 'recovery', `${Math.max(...names.map(Number))}.json`);
    const { flush: text } = JSON.parse(readFileSync(newest, 'utf8')) as { flush?: string };
    if (text !== undefined) return { flush: parseFlushText(text), flushFrom: 'last run' };
  } catch {
    // Accounts may be deleted at any time, and older ones say nothing of this.
  }
  return { flush: 'always', flushFrom: 'default' };
}
