/**
 * `millrace topic storage`: how many bytes each partition has in the data directory, and how much room that has left. From
 * one DescribeLogDirs request.
 *
 * Invariant: every number comes from the server; the journal, which all partitions share, is in none of them.
 */
import { describeLogDirsApi } from '../broker/protocol/gen/35-describe-log-dirs.gen.ts';
import { renderColumns } from './columns.ts';
import type { ExitCodeNumber } from './exit.ts';
import { check, errorName, exitCodeOfKafka } from './kafka-names.ts';
import type { Form } from './report.ts';
import { type ClientOptions, openSession } from './session.ts';
import { DataOutput, type Terminal } from './terminal.ts';
import { fetchTopics } from './topic-description.ts';

/** Prints the partitions of `names`, or of all topics, the largest first. Answers 3 when one of `names` is not there. */
export async function topicStorage(
  names: readonly string[],
  options: ClientOptions & Form,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  await using session = await openSession(options);
  const topics = await fetchTopics(session, names.length === 0 ? null : names);
  const there = topics.filter(({ errorCode }) => errorCode === 0);
  const asked = there.map(({ name, partitions }) => {
    return { topic: name ?? '', partitions: partitions.map(({ partitionIndex }) => partitionIndex) };
  });
  const answer = await session.send(describeLogDirsApi, { topics: names.length === 0 ? null : asked });
  check(answer.errorCode, 'the data directory');
  const directories = answer.results.map(({ logDir, totalBytes, usableBytes }) => {
    return { directory: logDir, totalBytes: Number(totalBytes), usableBytes: Number(usableBytes) };
  });
  const partitions = answer.results
    .flatMap(({ logDir, topics: found }) =>
      found.flatMap(({ name, partitions: sizes }) =>
        sizes.map(({ partitionIndex, partitionSize }) => {
          return { topic: name, partition: partitionIndex, bytes: Number(partitionSize), directory: logDir };
        }),
      ),
    )
    .sort((left, right) => right.bytes - left.bytes || (left.topic < right.topic ? -1 : 1));
  const missing = topics.filter(({ errorCode }) => errorCode !== 0);
  for (const { name, errorCode } of missing) terminal.stderr.write(`millrace: ${name}: ${errorName(errorCode)}\n`);
  const text = [
    renderColumns({
      headings: ['DIRECTORY', 'TOTAL-BYTES', 'USABLE-BYTES'],
      rows: directories.map(({ directory, totalBytes, usableBytes }) => [directory, totalBytes, usableBytes]),
    }),
    renderColumns({
      headings: ['TOPIC', 'PARTITION', 'BYTES'],
      rows: partitions.map(({ topic, partition, bytes }) => [topic, partition, bytes]),
    }),
  ].join('\n');
  const data = { directories, partitions };
  await new DataOutput(terminal.stdout).text(options.format === 'json' ? `${JSON.stringify(data)}\n` : text);
  return exitCodeOfKafka(missing[0]?.errorCode ?? 0);
}
