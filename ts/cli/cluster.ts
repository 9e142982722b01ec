/**
 * `millrace cluster info`: who answers, under which cluster id, and with which topics. From one Metadata request.
 *
 * Invariant: every number comes from the server; nothing is assumed of a cluster of one.
 */
import { metadataApi } from '../broker/protocol/gen/03-metadata.gen.ts';
import { renderColumns } from './columns.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import type { Form } from './report.ts';
import { type ClientOptions, openSession } from './session.ts';
import { DataOutput, type Terminal } from './terminal.ts';

/** Prints cluster, brokers and the number of topics and partitions. */
export async function clusterInfo(options: ClientOptions & Form, terminal: Terminal): Promise<ExitCodeNumber> {
  await using session = await openSession(options);
  const metadata = await session.send(metadataApi, { topics: null, allowAutoTopicCreation: false });
  const info = {
    clusterId: metadata.clusterId,
    controllerId: metadata.controllerId,
    brokers: metadata.brokers.map(({ nodeId, host, port }) => ({ id: nodeId, host, port })),
    topics: metadata.topics.length,
    partitions: metadata.topics.reduce((sum, topic) => sum + topic.partitions.length, 0),
  };
  const cluster = renderColumns({
    headings: ['CLUSTER', 'CONTROLLER', 'TOPICS', 'PARTITIONS'],
    rows: [[info.clusterId ?? '', info.controllerId, info.topics, info.partitions]],
  });
  const rows = info.brokers.map(({ id, host, port }) => [id, host, port]);
  const text = `${cluster}\n${renderColumns({ headings: ['BROKER', 'HOST', 'PORT'], rows })}`;
  await new DataOutput(terminal.stdout).text(options.format === 'json' ? `${JSON.stringify(info)}\n` : text);
  return ExitCode.ok;
}
