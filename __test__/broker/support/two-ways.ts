/**
 * Two brokers on simulated disks that are sent the same bytes: one appends plain Produce requests where they arrive
 * (docs/decisions/0038-produce-short-way.md), the other never does.
 *
 * To remember: what both answer is equal to the byte, so nothing here is given two clocks or two ids to compare.
 */
import { expect } from 'vitest';
import { Broker } from '../../../ts/broker/broker.ts';
import type { Api, Complete, Sparse } from '../../../ts/broker/protocol/api.ts';
import {
  type ProduceRequest,
  type ProduceResponse,
  produceApi,
} from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { createTopicsApi } from '../../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { incrementalAlterConfigsApi } from '../../../ts/broker/protocol/gen/44-incremental-alter-configs.gen.ts';
import { Reader } from '../../../ts/broker/protocol/reader.ts';
import { BrokerSettings } from '../../../ts/broker/settings.ts';
import { type NodeEngine, openEngine } from '../../../ts/io/engine.ts';
import { type NativeSim, nativeSim } from '../../../ts/io/sim.ts';
import { chooseSockets } from '../../../ts/net/choose-sockets.ts';
import type { RingNet } from '../../../ts/net/ring-net.ts';
import type { EngineOptions } from '../../../ts/options.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { framedRequest, RawClient } from '../server/raw-client.ts';

let opened = 0;

/** Resource types of IncrementalAlterConfigs. */
const TOPIC = 2;
const BROKER = 4;

export interface WaysOptions {
  readonly settings?: Record<string, string | number | boolean>;
  readonly engine?: EngineOptions;
  /** Clients have to log in. */
  readonly login?: boolean;
}

/** One broker with its disk. */
export interface Side {
  readonly broker: Broker;
  readonly engine: NodeEngine;
  readonly disk: NativeSim;
  readonly ring: RingNet | undefined;
  readonly port: number;
}

async function openSide(hasShortWay: boolean, { settings = {}, engine: options, login }: WaysOptions): Promise<Side> {
  opened += 1;
  const sim = { seed: 1, id: `two-ways-${process.pid}-${opened}` };
  const engine = openEngine('/sim', { ...options, sim });
  const ring = hasShortWay ? (chooseSockets('ring', engine, 100).ring as RingNet) : undefined;
  const broker = new Broker({ engine, settings: new BrokerSettings(settings), ring, print: () => {} });
  const { port } = await broker.listen(0, '127.0.0.1', login === true ? { login } : {});
  return { broker, engine, disk: nativeSim(sim.id, 1), ring, port };
}

/** A batch with one value, always the same. */
export function batchOf(value = 'value'): Buffer {
  return encodeBatch([Buffer.from(value)], { timestamp: 1_700_000_000_000 });
}

/** Produce v9 of batches, by topic and partition. */
export function produceOf(
  topics: Readonly<Record<string, Readonly<Record<number, Buffer | null>>>>,
  { version = 9, correlation = 1, ...rest }: Partial<ProduceRequest> & { version?: number; correlation?: number } = {},
): Buffer {
  const topicData = Object.entries(topics).map(([name, partitions]) => ({
    name,
    partitionData: Object.entries(partitions).map(([index, records]) => ({ index: Number(index), records })),
  }));
  return framedRequest(produceApi, version, correlation, { acks: -1, timeoutMs: 1000, topicData, ...rest });
}

export function decodeProduce(reply: Buffer, version = 9): ProduceResponse {
  return produceApi.decodeResponse(new Reader(reply, version >= 9 ? 5 : 4), version);
}

/** Error codes of an answer, by topic in its order. */
export function errorsOf(reply: Buffer | null, version = 9): number[][] {
  if (reply === null) return [];
  const { responses } = decodeProduce(reply, version);
  return responses.map(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorCode));
}

export class TwoWays implements AsyncDisposable {
  readonly short: Side;
  readonly usual: Side;

  private constructor(short: Side, usual: Side) {
    this.short = short;
    this.usual = usual;
  }

  static async open(options: WaysOptions = {}): Promise<TwoWays> {
    return new TwoWays(await openSide(true, options), await openSide(false, options));
  }

  /** A connection to each. */
  async connect(): Promise<Pair> {
    return new Pair(await RawClient.open(this.short.port), await RawClient.open(this.usual.port), () => this.placed);
  }

  /** Requests that took the short way so far. */
  get placed(): number {
    return this.short.ring?.counters().placed ?? Number.NaN;
  }

  /** Runs `action` on both. */
  async both(action: (side: Side) => unknown): Promise<void> {
    await action(this.short);
    await action(this.usual);
  }

  /** Sends to both, each over a connection of its own, and tells what the one with the short way answered. */
  async ask<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Sparse<Request>,
  ): Promise<Complete<Response>> {
    using pair = await this.connect();
    const [reply] = await pair.each(framedRequest(api as Api<Request, unknown>, version, 1, request));
    return api.decodeResponse(
      new Reader(reply as Buffer, version >= api.flexibleFrom ? 5 : 4),
      version,
    ) as Complete<Response>;
  }

  async topic(name: string, numPartitions = 1, config: Record<string, string> = {}): Promise<void> {
    const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }));
    const wish = { topics: [{ name, numPartitions, replicationFactor: 1, configs }], timeoutMs: 1000 };
    const { topics } = await this.ask(createTopicsApi, 7, wish);
    expect(topics[0]?.errorCode).toBe(0);
  }

  /** Alters a setting of a topic, or with `topic` empty of all brokers. */
  async alter(topic: string, name: string, value: string): Promise<void> {
    const configs = [{ name, configOperation: 0, value }];
    const resources = [{ resourceType: topic === '' ? BROKER : TOPIC, resourceName: topic, configs }];
    const { responses } = await this.ask(incrementalAlterConfigsApi, 1, { resources, validateOnly: false });
    expect(responses[0]?.errorCode).toBe(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.both(async ({ broker, ring, engine, disk }) => {
      await broker.close();
      await ring?.close();
      await engine.close();
      disk.forget();
    });
  }
}

/** One client's connection to each of both. */
export class Pair implements Disposable {
  readonly #short: RawClient;
  readonly #usual: RawClient;
  readonly #placed: () => number;

  constructor(short: RawClient, usual: RawClient, placed: () => number) {
    this.#short = short;
    this.#usual = usual;
    this.#placed = placed;
  }

  send(bytes: Buffer): void {
    this.#short.send(bytes);
    this.#usual.send(bytes);
  }

  /** The next answer of each; null: closed. */
  async frames(): Promise<[Buffer | null, Buffer | null]> {
    return [await this.#short.frame(), await this.#usual.frame()];
  }

  /** Sends, and waits for `count` answers of each; the last ones are told. */
  async each(request: Buffer, count = 1): Promise<[Buffer | null, Buffer | null]> {
    this.send(request);
    let last = await this.frames();
    for (let left = count; left > 1; left -= 1) last = await this.frames();
    return last;
  }

  /** Sends what both answer with the same bytes, or by closing; null then. */
  async same(request: Buffer): Promise<Buffer | null> {
    const [short, usual] = await this.each(request);
    expect(short).toEqual(usual);
    return short;
  }

  /** As `same`, of what does not take the short way. */
  async usually(request: Buffer): Promise<Buffer | null> {
    const before = this.#placed();
    const reply = await this.same(request);
    expect(this.#placed()).toBe(before);
    return reply;
  }

  /** As `same`, of what takes the short way. */
  async shortly(request: Buffer): Promise<Buffer | null> {
    const before = this.#placed();
    const reply = await this.same(request);
    expect(this.#placed()).toBe(before + 1);
    return reply;
  }

  /** A plain request has been answered: the next one goes the short way. */
  async warm(topic: string): Promise<void> {
    expect(errorsOf(await this.same(produceOf({ [topic]: { 0: batchOf() } })))).toEqual([[0]]);
    expect(errorsOf(await this.shortly(produceOf({ [topic]: { 0: batchOf() } })))).toEqual([[0]]);
  }

  [Symbol.dispose](): void {
    this.#short.destroy();
    this.#usual.destroy();
  }
}
