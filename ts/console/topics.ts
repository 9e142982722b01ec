/**
 * Topics and partitions as the console shows them: sizes, rates, every watermark apart, and the settings in force.
 *
 * Not their records (messages.ts). To remember: on one node the high watermark is the end of what is written, and that is
 * what it is shown as.
 */

import { topicConfigKey, topicConfigKeys } from '../broker/config-table.ts';
import { ConfigSource } from '../broker/settings.ts';
import type { Topic } from '../log/catalogue.ts';
import { groupParts } from '../metrics/kafka-exporter.ts';
import { allMarks, marksOf, type PartitionMarks } from '../metrics/partition-marks.ts';
import type { PartitionRow, SettingRow, TopicRow, TopicsView, TopicView } from './api.ts';
import { ConsoleError, type ConsoleParts, type Query, textOf } from './parts.ts';

export function topics({ server, sampler }: ConsoleParts): TopicsView {
  const { engine, broker } = server;
  const { catalogue, settings } = broker.context;
  const records = new Map<string, number>();
  for (const { topic, marks } of allMarks(engine, catalogue)) {
    records.set(topic.name, (records.get(topic.name) ?? 0) + marks.highWatermark - marks.logStart);
  }
  const rows = Array.from(catalogue.all(), (topic): TopicRow => {
    const setting = (name: string): string => {
      const key = topicConfigKey(name);
      return key === undefined ? '' : settings.topicValue(key, topic.config).value;
    };
    return {
      name: topic.name,
      partitions: topic.partitions.length,
      records: records.get(topic.name) ?? 0,
      bytes: engine.partitionBytes(topic.partitions).reduce((sum, bytes) => sum + Math.max(0, bytes), 0),
      rate: sampler.rateOf(topic.name),
      retentionMs: setting('retention.ms'),
      retentionBytes: setting('retention.bytes'),
      cleanup: setting('cleanup.policy'),
    };
  });
  return { topics: rows.sort((left, right) => (left.name < right.name ? -1 : 1)) };
}

/** The topic that `query` names. Throws 404. */
export function topicOf({ server }: ConsoleParts, query: Query): Topic {
  const name = textOf(query, 'topic');
  const topic = server.broker.context.catalogue.get(name);
  if (!topic) throw new ConsoleError(404, `there is no topic ${name}`);
  return topic;
}

export function topic(parts: ConsoleParts, query: Query): TopicView {
  const found = topicOf(parts, query);
  const { engine, broker } = parts.server;
  const marks = marksOf(engine, [found]);
  return {
    name: found.name,
    id: found.id,
    createdMs: found.createdMs,
    rate: parts.sampler.rateOf(found.name),
    partitions: partitionRows(parts, found, marks),
    settings: settingRows(parts, found),
    groups: lagsOf(broker, marks),
  };
}

function partitionRows({ server }: ConsoleParts, topic: Topic, all: readonly PartitionMarks[]): PartitionRow[] {
  const bytes = server.engine.partitionBytes(topic.partitions);
  return all.map(({ partition, marks }) => {
    const { producers } = server.engine.producers(topic.partitions[partition] as number);
    return {
      partition,
      logStart: marks.logStart,
      lastStable: marks.lastStable,
      durable: marks.durable,
      highWatermark: marks.highWatermark,
      logEnd: marks.logEnd,
      leaderEpoch: marks.leaderEpoch,
      bytes: Math.max(0, bytes[partition] ?? 0),
      openTransactions: producers.filter(({ transactionStart }) => transactionStart >= 0).length,
    };
  });
}

function settingRows({ server }: ConsoleParts, topic: Topic): SettingRow[] {
  return Array.from(topicConfigKeys(), (key): SettingRow => {
    const { value, source } = server.broker.context.settings.topicValue(key, topic.config);
    const from = {
      [ConfigSource.dynamicTopic]: 'topic',
      [ConfigSource.dynamicBroker]: 'server',
      [ConfigSource.dynamicDefaultBroker]: 'server',
      [ConfigSource.staticBroker]: 'server',
    } as const;
    return {
      name: key.name,
      value,
      source: source === ConfigSource.default ? 'default' : from[source],
      default: key.default,
      unit: key.unit ?? null,
      effect: key.effect,
      doc: key.doc,
    };
  });
}

function lagsOf(broker: ConsoleParts['server']['broker'], marks: readonly PartitionMarks[]): TopicView['groups'] {
  const name = marks[0]?.topic.name;
  const lags = new Map<string, number>();
  for (const { labels, lag } of groupParts(broker, marks)) {
    if (labels.topic !== name) continue;
    lags.set(labels.consumergroup, (lags.get(labels.consumergroup) ?? 0) + (lag ?? 0));
  }
  const { groups, consumerGroups } = broker.context;
  return Array.from(lags, ([group, lag]) => {
    const members = consumerGroups.get(group)?.members.size ?? groups.get(group)?.members.size ?? 0;
    return { group, lag, members };
  });
}
