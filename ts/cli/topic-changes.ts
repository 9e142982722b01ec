/**
 * `millrace topic add-partitions|alter-config|trim-prefix`: changes to topics that exist.
 *
 * Invariant: what deletes records asks first, and says from where to where.
 */
import { deleteRecordsApi } from '../broker/protocol/gen/21-delete-records.gen.ts';
import { createPartitionsApi } from '../broker/protocol/gen/37-create-partitions.gen.ts';
import { incrementalAlterConfigsApi } from '../broker/protocol/gen/44-incremental-alter-configs.gen.ts';
import { type ExitCodeNumber, usage } from './exit.ts';
import { check, errorName, exitCodeOfKafka } from './kafka-names.ts';
import { parseOffsetRange } from './offset-range.ts';
import { type Change, type Form, print, reportChanges, statusText } from './report.ts';
import { adminTimeoutMs, type ClientOptions, openSession, type Session } from './session.ts';
import { choosePartitions, resolvePositions } from './start-positions.ts';
import { confirm, type Terminal } from './terminal.ts';
import { fetchTopics } from './topic-description.ts';

const topicResource = 2;
/** Operations of IncrementalAlterConfigs. */
const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

export interface AddPartitionsOptions extends ClientOptions, Form {
  /** How many more. */
  readonly num: number;
  readonly dry?: boolean;
}

/** Gives each of `names` so many more partitions. */
export async function addPartitions(
  names: readonly string[],
  options: AddPartitionsOptions,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  await using session = await openSession(options);
  const topics = await fetchTopics(session, names);
  const missing = topics
    .filter((topic) => topic.errorCode !== 0)
    .map(({ name, errorCode }): Change => {
      return { name: name ?? '', errorCode, status: errorName(errorCode) };
    });
  const grown = topics
    .filter((topic) => topic.errorCode === 0)
    .map((topic) => ({ name: topic.name ?? '', count: topic.partitions.length + options.num, assignments: null }));
  const request = { topics: grown, timeoutMs: adminTimeoutMs, validateOnly: options.dry === true };
  const results = grown.length === 0 ? [] : (await session.send(createPartitionsApi, request)).results;
  const changes = results.map(({ name, errorCode, errorMessage }): Change => {
    return { name, errorCode, status: statusText(errorCode, errorMessage) };
  });
  return reportChanges('topic', [...missing, ...changes], options, terminal);
}

export interface AlterConfigOptions extends ClientOptions, Form {
  readonly set?: ReadonlyMap<string, string>;
  readonly append?: ReadonlyMap<string, string>;
  readonly subtract?: ReadonlyMap<string, string>;
  readonly delete?: readonly string[];
  readonly dry?: boolean;
}

/** Changes settings of each of `names`; a deleted one falls back to the server's. */
export async function alterConfig(
  names: readonly string[],
  options: AlterConfigOptions,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const configs = [
    ...(['set', 'append', 'subtract'] as const).flatMap((kind) => {
      return [...(options[kind] ?? [])].map(([name, value]) => ({ name, configOperation: operations[kind], value }));
    }),
    ...(options.delete ?? []).map((name) => ({ name, configOperation: operations.delete, value: null })),
  ];
  if (configs.length === 0) throw usage('nothing to change: give --set KEY=VALUE or --delete KEY');
  await using session = await openSession(options);
  const response = await session.send(incrementalAlterConfigsApi, {
    resources: names.map((resourceName) => ({ resourceType: topicResource, resourceName, configs })),
    validateOnly: options.dry === true,
  });
  const changes = response.responses.map(({ resourceName, errorCode, errorMessage }): Change => {
    return { name: resourceName, errorCode, status: statusText(errorCode, errorMessage) };
  });
  return reportChanges('topic', changes, options, terminal);
}

export interface TrimOptions extends ClientOptions, Form {
  /** Where the log is to begin: an offset, `end`, `@TIME`. */
  readonly offset: string;
  readonly partitions?: readonly string[];
  readonly yes?: boolean;
}

interface Trimmed {
  readonly partition: number;
  readonly logStart: number;
  readonly errorCode: number;
}

/** Deletes the records of `name` before an offset; the others keep theirs. */
export async function trimPrefix(name: string, options: TrimOptions, terminal: Terminal): Promise<ExitCodeNumber> {
  const range = parseOffsetRange(options.offset, Date.now());
  if (range.until !== undefined) throw usage(`-o ${options.offset}: give one place, where the log is to begin`);
  await using session = await openSession(options);
  const [topic] = await fetchTopics(session, [name]);
  check(topic?.errorCode ?? -1, `topic ${name}`);
  const known = (topic?.partitions ?? []).map((one) => one.partitionIndex).sort((left, right) => left - right);
  const positions = await resolvePositions(session, name, choosePartitions(name, known, options.partitions), range);
  const places = positions.map(({ partition, next }) => `${partition} before ${next}`).join(', ');
  await confirm(terminal, `delete all records of ${name} in partitions ${places}`, options.yes === true);
  const offsets = positions.map(({ partition, next }) => ({ partitionIndex: partition, offset: next }));
  const trimmed = await deleteRecords(session, name, offsets);
  const rows = trimmed.map((one) => [one.partition, one.logStart, errorName(one.errorCode)]);
  const headings = ['PARTITION', 'LOG-START-OFFSET', 'STATUS'];
  await print(terminal, options, { headings, rows }, trimmed);
  return exitCodeOfKafka(trimmed.find((one) => one.errorCode !== 0)?.errorCode ?? 0);
}

async function deleteRecords(
  session: Session,
  name: string,
  partitions: readonly { partitionIndex: number; offset: number }[],
): Promise<Trimmed[]> {
  if (partitions.length === 0) return [];
  const request = { topics: [{ name, partitions: [...partitions] }], timeoutMs: adminTimeoutMs };
  const response = await session.send(deleteRecordsApi, request);
  return (response.topics[0]?.partitions ?? []).map(({ partitionIndex, lowWatermark, errorCode }) => {
    return { partition: partitionIndex, logStart: lowWatermark, errorCode };
  });
}
