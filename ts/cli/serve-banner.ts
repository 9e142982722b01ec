/**
 * What serve says when it is up: address, data directory, driver and why, flush policy with what a power cut can take,
 * and what recovery found. Facts first, then text; the JSON form is the facts.
 *
 * Invariant: what may be lost is said for each `acks` as it is in force, never only for the strongest.
 */
import { resolve } from 'node:path';
import { type Durability, describeFlush, describeLoss, levelName, levelNumber } from '../durability.ts';
import type { MillraceServer } from '../serve.ts';
import { version } from '../version.ts';
import { formatAddress } from './options.ts';
import { serveCautions } from './serve-cautions.ts';
import type { ServeSettings } from './serve-settings.ts';

/** The facts of a start, as `--format json` prints them. */
export interface StartFacts {
  readonly event: 'ready';
  readonly version: string;
  readonly pid: number;
  readonly kafka: string;
  /** Absent when Redis is not served. */
  readonly redis?: string;
  /** Absent when TLS is not spoken. */
  readonly kafkaTls?: string;
  readonly redisTls?: string;
  /** Where metrics and health are, when they are served. */
  readonly http: string | undefined;
  readonly dir: string;
  /** What is wrong with the place of the data, as sentences. */
  readonly cautions: readonly string[];
  readonly driver: MillraceServer['driver'];
  readonly sockets: MillraceServer['sockets'];
  readonly flush: string;
  /** By `acks`: the level an acknowledgement stands for, and what may be lost of what it acknowledged. */
  readonly acks: Readonly<Record<'all' | '1' | '0', { readonly level: Durability; readonly loss: string }>>;
  readonly recovery: MillraceServer['recovery'];
  /** Milliseconds from the start of the process. */
  readonly readyMs: number;
}

/** Gathers the facts. `sinceStartMs` is the time since the process began. */
export function startFacts(server: MillraceServer, settings: ServeSettings, sinceStartMs: number): StartFacts {
  const floor = levelNumber(
    settings.durability ?? (settings.settings.get('min.durability') as Durability | undefined) ?? 'memory',
  );
  const promise = (asked: Durability): { level: Durability; loss: string } => {
    const level = levelName(Math.max(floor, levelNumber(asked)) as 0 | 1 | 2);
    return { level, loss: describeLoss(settings.flush, level) };
  };
  return {
    event: 'ready',
    version,
    pid: process.pid,
    kafka: formatAddress(server.kafka),
    ...(server.redis ? { redis: formatAddress(server.redis) } : {}),
    ...(server.kafkaTls ? { kafkaTls: formatAddress(server.kafkaTls) } : {}),
    ...(server.redisTls ? { redisTls: formatAddress(server.redisTls) } : {}),
    http: server.http && formatAddress(server.http),
    dir: resolve(settings.dir),
    cautions: serveCautions(settings.dir, settings.settings),
    driver: server.driver,
    sockets: server.sockets,
    flush: describeFlush(settings.flush),
    acks: { all: promise('durable'), '1': promise('written'), '0': promise('memory') },
    recovery: server.recovery,
    readyMs: Math.round(sinceStartMs),
  };
}

/** The facts for people, without the last newline. */
export function describeStart(facts: StartFacts): string {
  const { driver, sockets, recovery } = facts;
  const lines = [
    `millrace ${facts.version} serves Kafka on ${facts.kafka}${facts.redis === undefined ? '' : `, Redis on ${facts.redis}`}`,
    ...(facts.http === undefined
      ? []
      : [
          `  metrics   http://${facts.http}/metrics, health at /healthz and /readyz`,
          `  console   http://${facts.http}/console/`,
        ]),
    ...tlsLine(facts),
    `  data      ${facts.dir}`,
    ...facts.cautions.map((one) => `  CAUTION   ${one}`),
    `  driver    ${driver.driver}: ${driver.reason}; ${driver.detail}`,
    `  sockets   ${sockets.sockets}: ${sockets.reason}`,
    `  flush     ${facts.flush}`,
    ...(['all', '1', '0'] as const).map((acks) => {
      const { level, loss } = facts.acks[acks];
      return `  acks=${acks.padEnd(3)}  waits for ${level === 'memory' ? 'nothing' : level}: ${loss}`;
    }),
    `  recovery  ${describeRecovery(recovery)}`,
    ...recovery.damage.map(
      (one) => `  DAMAGE    ${one.file} at position ${one.position}: ${one.detail}; the rest is served`,
    ),
    `ready after ${facts.readyMs} ms; Ctrl-C stops it`,
  ];
  return lines.join('\n');
}

function tlsLine({ kafkaTls, redisTls }: StartFacts): string[] {
  const parts = [
    ...(kafkaTls === undefined ? [] : [`Kafka on ${kafkaTls}`]),
    ...(redisTls === undefined ? [] : [`Redis on ${redisTls}`]),
  ];
  return parts.length === 0 ? [] : [`  tls       ${parts.join(', ')}`];
}

function describeRecovery(recovery: StartFacts['recovery']): string {
  const took = `${recovery.partitions} partitions, ${Math.round(recovery.durationMs)} ms`;
  if (recovery.incarnation <= 1 && recovery.framesReplayed === 0) return `new directory, ${took}`;
  if (recovery.clean) return `closed cleanly before, ${took}`;
  const cut = recovery.cutBytes === 0 ? 'nothing cut' : `${recovery.cutBytes} bytes of a torn tail cut`;
  const kept = `${recovery.framesReplayed} frames replayed, ${recovery.keptBytes} bytes kept`;
  return `not closed before: ${kept}, ${cut}; ${took}\n            ${recovery.verdict}`;
}
