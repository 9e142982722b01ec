/**
 * `millrace topic create|list|describe|delete`: one request each, one table each.
 *
 * Invariant: with several topics every one is tried and reported; the exit code is that of the first that failed.
 */
import { ErrorCode as KafkaError } from '../broker/protocol/error-codes.ts';
import { createTopicsApi } from '../broker/protocol/gen/19-create-topics.gen.ts';
import { deleteTopicsApi } from '../broker/protocol/gen/20-delete-topics.gen.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { errorName, exitCodeOfKafka } from './kafka-names.ts';
import { type Form, print, reportChanges, statusText } from './report.ts';
import { adminTimeoutMs, type ClientOptions, openSession } from './session.ts';
import { confirm, DataOutput, type Terminal } from './terminal.ts';
import { type DescribeSections, describeTopic, fetchTopics, renderDescription } from './topic-description.ts';

export interface CreateOptions extends ClientOptions, Form {
  readonly partitions: number;
  readonly replicas: number;
  readonly topicConfig?: ReadonlyMap<string, string>;
  readonly dry?: boolean;
  readonly ifNotExists?: boolean;
}

/** Creates `names`, all with the same partitions and settings. */
export async function createTopics(
  names: readonly string[],
  options: CreateOptions,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  await using session = await openSession(options);
  const configs = [...(options.topicConfig ?? [])].map(([name, value]) => ({ name, value }));
  const response = await session.send(createTopicsApi, {
    topics: names.map((name) => {
      return { name, numPartitions: options.partitions, replicationFactor: options.replicas, assignments: [], configs };
    }),
    timeoutMs: adminTimeoutMs,
    validateOnly: options.dry === true,
  });
  const results = response.topics.map(({ name, errorCode, errorMessage }) => {
    const forgiven = options.ifNotExists === true && errorCode === KafkaError.TOPIC_ALREADY_EXISTS;
    return { name, errorCode: forgiven ? 0 : errorCode, status: statusText(errorCode, errorMessage) };
  });
  return reportChanges('topic', results, options, terminal);
}

/** Deletes `names` after asking. */
export async function deleteTopics(
  names: readonly string[],
  options: ClientOptions & Form & { readonly yes?: boolean },
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  await confirm(terminal, `delete ${names.join(', ')} and all records`, options.yes === true);
  await using session = await openSession(options);
  const response = await session.send(deleteTopicsApi, {
    topicNames: [...names],
    timeoutMs: adminTimeoutMs,
  });
  const results = response.responses.map(({ name, errorCode, errorMessage }) => {
    return { name: name ?? '', errorCode, status: statusText(errorCode, errorMessage) };
  });
  return reportChanges('topic', results, options, terminal);
}

/** Lists all topics by name. */
export async function listTopics(options: ClientOptions & Form, terminal: Terminal): Promise<ExitCodeNumber> {
  await using session = await openSession(options);
  const found = await fetchTopics(session, null);
  found.sort((left, right) => ((left.name ?? '') < (right.name ?? '') ? -1 : 1));
  const topics = found.map((topic) => {
    return {
      name: topic.name ?? '',
      partitions: topic.partitions.length,
      replicas: topic.partitions[0]?.replicaNodes.length ?? 0,
    };
  });
  const rows = topics.map((topic) => [topic.name, topic.partitions, topic.replicas]);
  const wide = { headings: ['ID', 'INTERNAL'], rows: found.map((one) => [one.topicId, String(one.isInternal)]) };
  await print(terminal, options, { headings: ['NAME', 'PARTITIONS', 'REPLICAS'], rows }, topics, wide);
  return ExitCode.ok;
}

export interface DescribeOptions extends ClientOptions, Form {
  readonly printAll?: boolean;
  readonly printSummary?: boolean;
  readonly printConfigs?: boolean;
  readonly printPartitions?: boolean;
}

/** Describes `names`: the summary and the settings, or the sections asked for. */
export async function describeTopics(
  names: readonly string[],
  options: DescribeOptions,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const { printAll = false, printSummary = false, printConfigs = false, printPartitions = false } = options;
  const none = !(printAll || printSummary || printConfigs || printPartitions);
  const sections: DescribeSections = {
    summary: printAll || printSummary || none,
    configs: printAll || printConfigs || none,
    partitions: printAll || printPartitions,
  };
  await using session = await openSession(options);
  const output = new DataOutput(terminal.stdout);
  let exitCode: ExitCodeNumber = ExitCode.ok;
  for (const name of names) {
    const described = await describeTopic(session, name, sections);
    if (described.errorCode !== 0) {
      terminal.stderr.write(`millrace: ${name}: ${errorName(described.errorCode)}\n`);
      if (exitCode === ExitCode.ok) exitCode = exitCodeOfKafka(described.errorCode);
      continue;
    }
    await output.text(options.format === 'json' ? `${JSON.stringify(described)}\n` : renderDescription(described));
  }
  return exitCode;
}
