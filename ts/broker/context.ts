/**
 * What handlers stand on: the parts of one broker, put together in broker.ts.
 *
 * Not a place for state. To remember: handlers know these parts and the codecs, and nothing of sockets, files or each
 * other.
 */

import type { TopicCatalogue } from '../log/catalogue.ts';
import type { Engine } from '../log/types.ts';
import type { ConsumerGroups } from './consumer-groups/consumer-groups.ts';
import type { FetchSessions } from './fetch-sessions/fetch-sessions.ts';
import type { GroupCoordinator } from './groups/coordinator.ts';
import type { KeptGroups } from './groups/kept-groups.ts';
import type { CommittedOffsets } from './groups/offsets.ts';
import type { ApiRange, Peer } from './handler.ts';
import type { BrokerConfigStore } from './metadata/broker-config-store.ts';
import type { ProducerIds } from './metadata/producer-ids.ts';
import type { ProduceWay } from './produce-way.ts';
import type { AppendQueue } from './purgatory/append-queue.ts';
import type { Purgatory } from './purgatory/purgatory.ts';
import type { ReplyBudget } from './reply-budget.ts';
import type { BrokerSecurity } from './security/broker-security.ts';
import type { BrokerSettings } from './settings.ts';
import type { TopicTraffic } from './topic-traffic.ts';
import type { TransactionCoordinator } from './transactions/coordinator.ts';

/** This node as clients see it. */
export interface Node {
  readonly id: number;
  readonly clusterId: string;
  /** The epoch of every partition's leader: it grows at every start. */
  readonly leaderEpoch: number;
  /** Address to tell to this client (rule 3: it leads to what is bound). */
  address(peer: Peer): { host: string; port: number };
}

export interface BrokerContext {
  readonly engine: Engine;
  readonly catalogue: TopicCatalogue;
  readonly settings: BrokerSettings;
  readonly brokerConfigs: BrokerConfigStore;
  readonly groups: GroupCoordinator;
  readonly consumerGroups: ConsumerGroups;
  readonly offsets: CommittedOffsets;
  readonly keptGroups: KeptGroups;
  readonly producerIds: ProducerIds;
  readonly transactions: TransactionCoordinator;
  readonly purgatory: Purgatory;
  readonly appends: AppendQueue;
  readonly replies: ReplyBudget;
  readonly fetchSessions: FetchSessions;
  readonly security: BrokerSecurity;
  readonly traffic: TopicTraffic;
  /** Where the addon appends plain Produce requests itself; nowhere without sockets in a ring, or with access rules. */
  readonly produceWay: ProduceWay | undefined;
  readonly node: Node;
  /** Wall time, ms. */
  wallMs(): number;
  /** Rows of the ApiVersions answer. */
  apiRanges(): readonly ApiRange[];
}
