/**
 * The short way of Produce: plain requests are appended by the addon where they arrive, and come here to be answered
 * (docs/decisions/0038-produce-short-way.md).
 *
 * Not the order of answers, nor limits: each has an exchange of its connection. The invariant to remember: what the addon
 * knows of a topic is what the handler of Produce would find now; every change makes it forget all, and the next request
 * that goes the usual way tells it again.
 */

import { type CodeNumber, type LevelNumber, Placed } from '../io/native-types.ts';
import type { Topic } from '../log/catalogue.ts';
import type { Waiter } from '../log/types.ts';
import type { PlacedFollower, RingNet, RingUser } from '../net/ring-net.ts';
import type { BrokerContext } from './context.ts';
import { kafkaErrorOf } from './engine-codes.ts';
import type { OpenExchange } from './exchange.ts';
import { produceApi } from './protocol/gen/00-produce.gen.ts';
import { decodeClientId } from './protocol/header.ts';
import { Reader } from './protocol/reader.ts';
import { RingTransport } from './ring-transport.ts';

/** Bytes of a request before its client id: API key, version, correlation id. */
const HEAD_BYTES = 8;

const reader = new Reader(new Uint8Array(0));
const encoder = new TextEncoder();

/** What the short way needs of its broker. */
export type ProduceWayContext = Pick<BrokerContext, 'engine' | 'catalogue' | 'settings' | 'appends' | 'traffic'>;

export class ProduceWay implements PlacedFollower {
  readonly #context: ProduceWayContext;
  readonly #ring: RingNet;
  /** By reference: what the addon was told since it last forgot. */
  #topics: Topic[] = [];
  readonly #known = new Set<Topic>();
  readonly #stopListening: (() => void)[] = [];
  #isClosed = false;

  constructor(context: ProduceWayContext, ring: RingNet) {
    this.#context = context;
    this.#ring = ring;
    const { catalogue, settings, appends } = context;
    this.#stopListening.push(catalogue.onChange(({ kind }) => kind === 'created' || this.#forget()));
    this.#stopListening.push(settings.onAlter(() => this.#forget()));
    // Behind what waits for room waits everybody.
    appends.onWait = () => this.#forget();
    ring.follow(this);
  }

  /** Tells the addon of a topic that something is produced into. True when requests for it may go the short way. */
  learn(topic: Topic): boolean {
    if (this.#known.has(topic)) return true;
    const { catalogue, settings, appends } = this.#context;
    if (this.#isClosed || !appends.isIdle || catalogue.get(topic.name) !== topic) return false;
    const { stampAppendTime, refuseKeyless, maxMessageBytes, floor } = settings.limitsOf(topic);
    const reference = this.#topics.push(topic) - 1;
    this.#known.add(topic);
    const rules = [reference, Number(stampAppendTime), Number(refuseKeyless), maxMessageBytes, floor];
    const numbers = Float64Array.from([...rules, ...topic.partitions]);
    this.#ring.plainTopic(encoder.encode(topic.name), Buffer.from(topic.id, 'hex'), numbers);
    return true;
  }

  placed(user: RingUser | undefined, rows: Float64Array, at: number, memory: Uint8Array): void {
    const { engine, traffic } = this.#context;
    const topic = this.#topics[rows[at + Placed.topic] as number] as Topic;
    const exchange = user instanceof RingTransport ? user.placed(requestOf(rows, at, memory)) : null;
    const waiter = exchange && new PlacedAppend(exchange, topic, rows, at);
    traffic.produced(topic.name, rows[at + Placed.batchBytes] as number);
    const level = rows[at + Placed.level] as LevelNumber;
    engine.followPlaced(rows[at + Placed.partition] as number, level, rows[at + Placed.lsn] as number, waiter);
  }

  /** Everything takes the usual way from now on. */
  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stopListening) stop();
    this.#context.appends.onWait = null;
    this.#forget();
  }

  #forget(): void {
    if (this.#known.size === 0) return;
    this.#known.clear();
    this.#topics = [];
    this.#ring.forgetTopics();
  }
}

function requestOf(rows: Float64Array, at: number, memory: Uint8Array) {
  const start = rows[at + Placed.start] as number;
  const end = rows[at + Placed.end] as number;
  const apiVersion = rows[at + Placed.version] as number;
  reader.restart(memory, start + HEAD_BYTES, end);
  const clientId = decodeClientId(reader, produceApi, apiVersion);
  return { apiVersion, correlationId: rows[at + Placed.correlation] as number, clientId, requestBytes: end - start };
}

/** An append of the addon's that waits for its level. */
class PlacedAppend implements Waiter {
  readonly lsn: number;
  readonly #exchange: OpenExchange;
  readonly #topic: Topic;
  readonly #index: number;
  readonly #baseOffset: number;
  readonly #logAppendTimeMs: number;
  readonly #logStartOffset: number;

  constructor(exchange: OpenExchange, topic: Topic, rows: Float64Array, at: number) {
    this.#exchange = exchange;
    this.#topic = topic;
    this.lsn = rows[at + Placed.lsn] as number;
    this.#index = rows[at + Placed.index] as number;
    this.#baseOffset = rows[at + Placed.baseOffset] as number;
    this.#logAppendTimeMs = rows[at + Placed.logAppendTime] as number;
    this.#logStartOffset = rows[at + Placed.logStart] as number;
  }

  release(failure: CodeNumber): void {
    const errorCode = kafkaErrorOf(failure);
    const row =
      errorCode === 0
        ? {
            index: this.#index,
            errorCode,
            baseOffset: this.#baseOffset,
            logAppendTimeMs: this.#logAppendTimeMs,
            logStartOffset: this.#logStartOffset,
          }
        : { index: this.#index, errorCode, baseOffset: -1 };
    const { name, id: topicId } = this.#topic;
    this.#exchange.reply({ responses: [{ name, topicId, partitionResponses: [row] }] });
  }
}
