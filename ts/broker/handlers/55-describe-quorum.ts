/**
 * DescribeQuorum (key 55), versions 0-2: who decides about metadata: this node alone.
 *
 * The only log asked for is `__cluster_metadata`, partition 0, which here is the journal: its ends are told as LSNs.
 * 1 times of fetches; 2 messages, directory ids, addresses of nodes.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler, Peer } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribeQuorumRequest,
  type DescribeQuorumResponse,
  describeQuorumApi,
  type ResponsePartitionData,
} from '../protocol/gen/55-describe-quorum.gen.ts';
import { ZERO_UUID } from '../protocol/uuid.ts';

const METADATA_TOPIC = '__cluster_metadata';
const LISTENER = 'PLAINTEXT';

function describe(context: BrokerContext): ResponsePartitionData {
  const { node, engine } = context;
  const { writtenLsn = 0, appendedLsn = 0 } = engine.counters();
  const now = context.wallMs();
  return {
    partitionIndex: 0,
    errorCode: ErrorCode.NONE,
    errorMessage: '',
    leaderId: node.id,
    leaderEpoch: node.leaderEpoch,
    highWatermark: writtenLsn,
    currentVoters: [
      {
        replicaId: node.id,
        replicaDirectoryId: ZERO_UUID,
        logEndOffset: appendedLsn,
        lastFetchTimestamp: now,
        lastCaughtUpTimestamp: now,
      },
    ],
    observers: [],
  };
}

/** What is told of a log that is not the one of metadata. */
function unknown(partitionIndex: number): ResponsePartitionData {
  return {
    partitionIndex,
    errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    errorMessage: 'This server does not host this topic-partition.',
    leaderId: 0,
    leaderEpoch: 0,
    highWatermark: 0,
    currentVoters: [],
    observers: [],
  };
}

function nodesOf(context: BrokerContext, peer: Peer) {
  const { host, port } = context.node.address(peer);
  return [{ nodeId: context.node.id, listeners: [{ name: LISTENER, host, port }] }];
}

/** Exactly the one log that there is. */
function asksForMetadata({ topics }: DescribeQuorumRequest): boolean {
  const [topic] = topics;
  const [partition] = topic?.partitions ?? [];
  const isOne = topics.length === 1 && topic?.partitions.length === 1;
  return isOne && topic?.topicName === METADATA_TOPIC && partition?.partitionIndex === 0;
}

export function describeQuorumHandler(context: BrokerContext): Handler<DescribeQuorumRequest, DescribeQuorumResponse> {
  return {
    api: describeQuorumApi,
    minVersion: 0,
    maxVersion: 2,
    handle(request, exchange) {
      const isMetadata = asksForMetadata(request);
      const topics = request.topics.map(({ topicName, partitions }) => ({
        topicName,
        partitions: partitions.map(({ partitionIndex }) => (isMetadata ? describe(context) : unknown(partitionIndex))),
      }));
      const nodes = isMetadata ? nodesOf(context, exchange.peer) : [];
      exchange.reply({ errorCode: ErrorCode.NONE, errorMessage: '', topics, nodes });
    },
  };
}
