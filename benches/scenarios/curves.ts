/**
 * Curves over the wire: durable produce over the number of connections (closed loop, throughput), and over the rate of
 * arrivals (open loop, latency), against Kafka flushing every message and, as it is shipped, never.
 *
 * To remember: a closed loop tells how much, an open one how long; neither answers the other's question.
 */
import { runLoadTool } from '../load-tools.ts';
import { openLoop } from '../open-loop.ts';
import type { Scenario, Side, Workplace } from '../scenario.ts';
import { measureSweep, type Sweep } from '../sweep.ts';
import { openKafka, openMillrace, PARTITIONS, type Target } from '../targets.ts';

const CONNECTIONS: Sweep = { over: 'connections', steps: [1, 4, 16, 64, 256] };
const RATES: Sweep = { over: 'requests/s that arrive', steps: [250, 500, 1000, 2000, 4000] };
const RECORD_BYTES = 1024;
const TOPIC = 'curve';

/** Ours, and with rivals both Kafkas. */
async function targets(workplace: Workplace): Promise<Target[]> {
  const own = await openMillrace(workplace);
  if (!workplace.size.rivals) return [own];
  return [own, await openKafka(workplace, true), await openKafka(workplace, false)];
}

/** Produces with as many connections as the step says, one request in flight on each. */
async function overConnections(target: Target, workplace: Workplace): Promise<Side> {
  await runLoadTool('millrace-load', 'create', { bootstrap: target.address, topic: TOPIC, partitions: PARTITIONS });
  const { warmUpSeconds, seconds } = workplace.size;
  const measure = (connections: number) =>
    runLoadTool('millrace-load', 'produce', {
      bootstrap: target.address,
      topic: TOPIC,
      partitions: PARTITIONS,
      connections,
      'in-flight': 1,
      records: 1,
      size: RECORD_BYTES,
      'warm-up': warmUpSeconds / 2,
      duration: seconds / 2,
      'server-pid': target.pid,
    });
  return { name: target.name, measure: () => measureSweep(CONNECTIONS, measure) };
}

/** Produces one record a request, as many a second as the step says, over 16 connections. */
function overRates({ name, address }: Target, { size }: Workplace): Side {
  const stretch = ['--duration', `${size.seconds * 500}ms`, '--warm-up', `${size.warmUpSeconds * 500}ms`];
  const load = ['--brokers', address, '--clients', 16, '--batch', 1, '--size', RECORD_BYTES, '--acks', 'all'];
  const measure = (rate: number) => openLoop('produce', ...load, '--rate', rate, ...stretch);
  return { name, measure: () => measureSweep(RATES, measure) };
}

const wireCurve: Scenario = {
  name: 'wire-curve',
  what: 'one record of 1 KiB a request, 1 in flight on each connection, acks=all; half the time for each step',
  sweep: CONNECTIONS,
  goals: [],
  async open(workplace) {
    return Promise.all((await targets(workplace)).map((target) => overConnections(target, workplace)));
  },
};

const wireRates: Scenario = {
  name: 'wire-rates',
  what: 'one record of 1 KiB a request, acks=all, 16 connections, arrivals at a fixed rate; a latency counts from when a request was due',
  sweep: RATES,
  goals: [],
  usesLoadTools: false,
  async open(workplace) {
    return (await targets(workplace)).map((target) => overRates(target, workplace));
  },
};

export const curveScenarios: readonly Scenario[] = [wireCurve, wireRates];
