/**
 * One broker: an engine, its catalogue, groups and offsets, behind a Kafka server.
 *
 * Composition only: no rule of the protocol lives here. To remember the order of closing: stop accepting, answer who
 * waits, let open requests end, and only then let go of the engine (its owner does that).
 */

import { randomUUID } from 'node:crypto';
import { TopicCatalogue } from '../log/catalogue.ts';
import type { Engine } from '../log/types.ts';
import type { RingNet } from '../net/ring-net.ts';
import type { TlsIdentity } from '../tls/tls-identity.ts';
import type { PrintLine } from './connection-log.ts';
import { EngineConsumerGroupStore } from './consumer-groups/consumer-group-store.ts';
import { ConsumerGroups } from './consumer-groups/consumer-groups.ts';
import type { GroupTopics } from './consumer-groups/heartbeat.ts';
import type { BrokerContext, Node } from './context.ts';
import { FetchSessions } from './fetch-sessions/fetch-sessions.ts';
import { GroupCoordinator } from './groups/coordinator.ts';
import { EngineGroupStore } from './groups/group-store.ts';
import { KeptGroups } from './groups/kept-groups.ts';
import { type GroupUse, OffsetExpiry } from './groups/offset-expiry.ts';
import { CommittedOffsets } from './groups/offsets.ts';
import { subscribedTopics } from './groups/subscription.ts';
import { type AnyHandler, type ApiRange, HandlerTable } from './handler.ts';
import { registerHandlers } from './handlers/register.ts';
import { BrokerConfigStore } from './metadata/broker-config-store.ts';
import { Cleaner } from './metadata/cleaner.ts';
import { declareSettings } from './metadata/partition-settings.ts';
import { ProducerIds } from './metadata/producer-ids.ts';
import { Retention, steadyWall } from './metadata/retention.ts';
import { wakeByDurable } from './metadata/topic-isolation.ts';
import { plainAddress } from './plain-address.ts';
import { ProduceWay } from './produce-way.ts';
import { AppendQueue } from './purgatory/append-queue.ts';
import { Purgatory } from './purgatory/purgatory.ts';
import { TimerHost } from './purgatory/timer-host.ts';
import { ReplyBudget } from './reply-budget.ts';
import { BrokerSecurity } from './security/broker-security.ts';
import { ConnectionRate } from './security/connection-rate.ts';
import { guardAll } from './security/guards/guard.ts';
import { GUARDS } from './security/guards/index.ts';
import { RequestThrottle } from './security/request-throttle.ts';
import { type BoundAddress, KafkaServer } from './server.ts';
import type { BrokerSettings } from './settings.ts';
import { TopicTraffic } from './topic-traffic.ts';
import { TransactionCoordinator } from './transactions/coordinator.ts';

/** How long a new member may wait in its first join; Kafka's own number. */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000;
const CLOSE_GRACE_MS = 2_000;
const MINUTE_MS = 60_000;
/** How often transactional ids that nobody uses are looked for; Kafka's own number. */
const TRANSACTION_CHECK_MS = 3_600_000;
/** How often idle producers are looked for, at most; Kafka's own number. */
const PRODUCER_CHECK_MS = 600_000;

export interface BrokerOptions {
  readonly engine: Engine;
  readonly settings: BrokerSettings;
  /** Where lines about connections go. */
  readonly print: PrintLine;
  /** The catalogue of whoever else works on this engine (an embedded log); read from the engine when left out. */
  readonly catalogue?: TopicCatalogue | undefined;
  /** Sockets in a ring to serve on; node:net without. */
  readonly ring?: RingNet | undefined;
  /** Address told to clients instead of the one they are connected to. */
  readonly advertised?: { readonly host: string; readonly port: number } | undefined;
  /** The same for clients that speak TLS. */
  readonly advertisedTls?: { readonly host: string; readonly port: number } | undefined;
}

/** A broker on an open engine. */
export class Broker {
  readonly context: BrokerContext;
  readonly table: HandlerTable;
  readonly #server: KafkaServer;
  readonly #timers = new TimerHost();
  readonly #retention: Retention;
  readonly #cleaner: Cleaner;
  readonly #chores: NodeJS.Timeout[] = [];
  readonly #stopListening: (() => void)[] = [];
  #ranges: readonly ApiRange[] = [];
  #closing: Promise<void> | undefined;

  /** Reads topics, offsets and counters from the engine. Throws when the state map holds what it cannot read. */
  constructor(options: BrokerOptions) {
    const { engine, settings } = options;
    const brokerConfigs = new BrokerConfigStore(engine, settings.number('node.id'), (broker, defaults) =>
      settings.alter(broker, defaults),
    );
    const catalogue = options.catalogue ?? TopicCatalogue.of(engine);
    const offsets = new CommittedOffsets(engine);
    const keptGroups = new KeptGroups();
    const hasOffsets = (id: string) => offsets.has(id) || keptGroups.has(id);
    const groups = new GroupCoordinator({
      timers: this.#timers,
      settings: groupSettings(settings),
      store: new EngineGroupStore(engine),
      newSuffix: randomUUID,
      hasOffsets,
      wallMs: Date.now,
    });
    const producerIds = new ProducerIds(engine);
    const purgatory = new Purgatory(this.#timers);
    const transactions = new TransactionCoordinator({
      engine,
      timers: this.#timers,
      newProducerId: (done) => producerIds.next(done),
      isThere: ({ topic, index, id }) => catalogue.get(topic)?.partitions[index] === id,
      hasTopic: (topic) => catalogue.get(topic) !== undefined,
      committed: (group, commits) => offsets.applied(group, commits),
      maxTimeoutMs: settings.number('transaction.max.timeout.ms'),
      wallMs: Date.now,
    });
    const appends = new AppendQueue(engine, this.#timers);
    const security = new BrokerSecurity(engine, settings, options.print);
    const traffic = new TopicTraffic();
    const produced = { engine, catalogue, settings, appends, traffic };
    const hasWay = options.ring !== undefined && !security.access.isEnabled;
    this.context = {
      engine,
      catalogue,
      settings,
      brokerConfigs,
      groups,
      consumerGroups: new ConsumerGroups({
        timers: this.#timers,
        settings: consumerGroupSettings(settings),
        topics: groupTopics(catalogue),
        store: new EngineConsumerGroupStore(engine),
        hasOffsets,
        wallMs: Date.now,
        isClassic: (id) => groups.get(id)?.isIdle === false,
        newMemberId: randomUUID,
      }),
      offsets,
      keptGroups,
      producerIds,
      transactions,
      purgatory,
      appends,
      replies: new ReplyBudget(settings.number('fetch.memory.bytes')),
      fetchSessions: new FetchSessions(sessionLimits(settings), () => performance.now(), Math.random),
      security,
      traffic,
      produceWay: hasWay ? new ProduceWay(produced, options.ring) : undefined,
      node: this.#node(options),
      wallMs: Date.now,
      apiRanges: () => this.#ranges,
    };
    this.table = new HandlerTable(this.#guarded());
    this.#ranges = this.table.ranges();
    this.#server = new KafkaServer({
      table: this.table,
      leases: engine,
      replies: this.context.replies,
      print: options.print,
      limits: serverLimits(settings),
      maxConnections: () => settings.number('max.connections'),
      maxConnectionsPerAddress: () => settings.number('max.connections.per.ip'),
      throttle: new RequestThrottle(this.context.security.quotas, () => performance.now()),
      connectionRate: new ConnectionRate(this.context.security.quotas, () => performance.now()),
      ring: options.ring,
    });
    this.#cleaner = new Cleaner(
      engine,
      settings,
      steadyWall(Date.now, () => performance.now()),
    );
    this.#retention = new Retention(
      engine,
      steadyWall(Date.now, () => performance.now()),
    );
    this.#stopListening.push(declareSettings(engine, catalogue, settings));
    this.#follow();
    this.#startChores();
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#server.connections;
  }

  /** Closes every open connection at once; answers how many there were. */
  dropConnections(): number {
    return this.#server.dropConnections();
  }

  /**
   * Listens on one more address; port 0 takes a free one. Rejects with the system's error. With an `identity` peers have to
   * speak TLS.
   */
  listen(
    port: number,
    host: string,
    demand: { readonly login?: boolean; readonly isTrusted?: boolean } = {},
    identity?: TlsIdentity,
  ): Promise<BoundAddress> {
    const { login = false, isTrusted = true } = demand;
    const security = this.context.security.listener({ login, isTls: identity !== undefined, isTrusted });
    if (identity === undefined) return this.#server.listen(port, host, security);
    return this.#server.listenTls(port, host, security, identity);
  }

  /** Stops serving; the engine stays open. Resolves when no connection is left. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const chore of this.#chores) clearInterval(chore);
    for (const stop of this.#stopListening) stop();
    this.#retention.close();
    this.#cleaner.close();
    this.context.produceWay?.close();
    const closed = this.#server.close(CLOSE_GRACE_MS);
    this.context.purgatory.expireAll();
    this.context.appends.close();
    this.context.groups.close();
    this.context.consumerGroups.close();
    this.context.transactions.close();
    this.context.offsets.close();
    await closed;
    this.#timers.close();
  }

  /** The handlers, each behind its guard when there are access rules. */
  #guarded(): readonly AnyHandler[] {
    const { catalogue, settings, security } = this.context;
    return guardAll(registerHandlers(this.context), GUARDS, security.access, {
      nameOf: (topicId) => catalogue.byId(topicId)?.name,
      hasTopic: (name) => catalogue.get(name) !== undefined,
      createsTopics: settings.boolean('auto.create.topics.enable'),
    });
  }

  #node({ engine, settings, advertised, advertisedTls }: BrokerOptions): Node {
    const { directoryId, incarnation } = engine.recovery;
    return {
      id: settings.number('node.id'),
      clusterId: directoryId,
      leaderEpoch: incarnation,
      address: (peer) =>
        (peer.security.listener.isTls ? advertisedTls : advertised) ?? {
          // Rule 3: told is the address the client has reached us by.
          host: plainAddress(peer.localAddress),
          port: peer.localPort,
        },
    };
  }

  #follow(): void {
    const { engine, purgatory, catalogue, offsets, settings } = this.context;
    this.#stopListening.push(engine.onAdvance((partitions) => purgatory.wake(partitions)));
    this.#stopListening.push(engine.onStable((partitions) => purgatory.wake(partitions)));
    this.#stopListening.push(wakeByDurable(engine, catalogue, settings, (partitions) => purgatory.wake(partitions)));
    this.#stopListening.push(
      catalogue.onChange((change) => {
        this.context.consumerGroups.topicsChanged();
        if (change.kind !== 'deleted') return;
        this.context.traffic.forget(change.topic.name);
        for (const group of offsets.forgetTopic(change.topic.name)) this.#forgetUnused(group);
        // Whoever waits for data of a deleted topic learns of it now (rule 54).
        purgatory.wake(change.topic.partitions);
      }),
    );
  }

  /** A group has no offsets left. */
  #forgetUnused(groupId: string): void {
    this.context.groups.forgetUnused(groupId);
    this.context.consumerGroups.forgetUnused(groupId);
  }

  #startChores(): void {
    const { settings, offsets, transactions } = this.context;
    const retentionMs = settings.number('offsets.retention.minutes') * MINUTE_MS;
    const expiry = new OffsetExpiry(
      offsets,
      (group) => useOf(this.context, group),
      retentionMs,
      (group) => this.#forgetUnused(group),
    );
    const wall = steadyWall(Date.now, () => performance.now());
    this.#every(settings.number('offsets.retention.check.interval.ms'), () => {
      for (const group of this.context.keptGroups.take()) this.#forgetUnused(group);
      expiry.check(wall());
    });
    const idleMs = settings.number('transactional.id.expiration.ms');
    this.#every(TRANSACTION_CHECK_MS, () => transactions.expire(wall() - idleMs));
    this.#every(settings.number('log.retention.check.interval.ms'), () => this.#retention.check());
    if (this.#cleaner.enabled) this.#every(this.#cleaner.backoffMs, () => this.#cleaner.check());
    const producerMs = () => settings.number('producer.id.expiration.ms');
    const forget = () => this.context.engine.expireProducers(Math.floor(wall()), producerMs());
    this.#every(Math.min(PRODUCER_CHECK_MS, producerMs()), forget);
  }

  #every(intervalMs: number, chore: () => void): void {
    this.#chores.push(setInterval(chore, Math.min(intervalMs, TIMEOUT_MAX)).unref());
  }
}

/** Who uses the offsets of a group, for their expiry. */
function useOf({ groups, consumerGroups }: BrokerContext, groupId: string): GroupUse {
  const newer = consumerGroups.get(groupId);
  if (newer) return { kind: 'members', topics: newer.subscribed };
  const emptySinceMs = consumerGroups.emptySinceMs(groupId);
  const group = groups.get(groupId);
  if (!group && emptySinceMs !== undefined) return { kind: 'empty', sinceMs: emptySinceMs };
  const sinceMs = groups.emptySinceMs(groupId);
  if (!group || sinceMs === undefined) return { kind: 'standalone' };
  return sinceMs < 0 ? { kind: 'members', topics: subscribedTopics(group) } : { kind: 'empty', sinceMs };
}

/** Node's timers cannot wait longer than this. */
const TIMEOUT_MAX = 2 ** 31 - 1;

function groupSettings(settings: BrokerSettings) {
  return {
    initialRebalanceDelayMs: settings.number('group.initial.rebalance.delay.ms'),
    minSessionTimeoutMs: settings.number('group.min.session.timeout.ms'),
    maxSessionTimeoutMs: settings.number('group.max.session.timeout.ms'),
    maxSize: settings.number('group.max.size'),
    newMemberJoinTimeoutMs: NEW_MEMBER_JOIN_TIMEOUT_MS,
  };
}

function consumerGroupSettings(settings: BrokerSettings) {
  return {
    sessionTimeoutMs: settings.number('group.consumer.session.timeout.ms'),
    heartbeatIntervalMs: settings.number('group.consumer.heartbeat.interval.ms'),
    maxSize: settings.number('group.max.size'),
  };
}

function groupTopics(catalogue: TopicCatalogue): GroupTopics {
  return {
    get: (name) => {
      const topic = catalogue.get(name);
      return topic && { id: topic.id, partitions: topic.partitions.length };
    },
    *names() {
      for (const { name } of catalogue.all()) yield name;
    },
  };
}

function sessionLimits(settings: BrokerSettings) {
  return {
    slots: settings.number('max.incremental.fetch.session.cache.slots'),
    bytes: settings.number('fetch.session.memory.bytes'),
  };
}

function serverLimits(settings: BrokerSettings) {
  return {
    maxRequestBytes: settings.number('socket.request.max.bytes'),
    idleMs: settings.number('connections.max.idle.ms'),
  };
}
