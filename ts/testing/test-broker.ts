/**
 * `startTestBroker`: a whole broker for a test, inside the process, ready in milliseconds.
 *
 * Not a mock: it is the broker of `serve` on a simulated disk (or in a temporary directory), so every client that speaks
 * Kafka works, and what is promised about acknowledgements holds. To remember: each instance has its own port, disk and
 * clock; any number of them run side by side.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MillraceError } from '../errors.ts';
import { fromCode } from '../io/native-error.ts';
import type { TopicCatalogue } from '../log/catalogue.ts';
import type { LogTopic } from '../log/log-topic.ts';
import type { LogRecord, RecordInput } from '../log/record.ts';
import { topicNameProblem } from '../log/topic-name.ts';
import { type MillraceServer, type ServeOptions, serve } from '../serve.ts';
import { partsOf } from '../server-parts.ts';
import { clearBroker } from './clear-broker.ts';
import { clearRedis } from './clear-redis.ts';
import { recordsOf, topicOf } from './records-of.ts';
import { SimulatedDisk } from './simulated-disk.ts';

/** Topics with their numbers of partitions, or names of topics with one partition each. */
export type TestTopics = Readonly<Record<string, number>> | readonly string[];

/** Where to listen: host, 127.0.0.1 unless given, and port, 0 or none for a free one. */
export interface TestAddress {
  readonly host?: string;
  readonly port?: number;
}

/** How to start a test broker; everything is optional. */
export interface TestBrokerOptions {
  /** Where clients connect. Default: a free port of 127.0.0.1. */
  readonly kafka?: number | TestAddress;
  /** Serves Redis too, with `true` or port 0 on a free port of 127.0.0.1. Default: not. */
  readonly redis?: boolean | number | TestAddress;
  /**
   * `memory` (default): a simulated disk, on which flushes cost nothing and can be made to fail. `directory`: a temporary
   * directory of its own, removed at the end, on the real disk.
   */
  readonly storage?: 'memory' | 'directory';
  /** What kind of honest device the simulated disk is. Default 1. */
  readonly seed?: number;
  /** Created before the promise resolves. */
  readonly topics?: TestTopics;
  /** Broker settings by Kafka's names, over those a test wants (no rebalance delay). */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** When the journal is flushed. Default: `always` in memory, `os` in a directory. */
  readonly flush?: ServeOptions['flush'];
  /** Where lines about connections go. Default: nowhere. */
  readonly print?: (line: string) => void;
}

/** Switches for testing what a program does when things go wrong. */
export interface TestFaults {
  /** Closes every Kafka connection at once; clients may come back. Answers how many there were. */
  dropConnections(): number;
  /** From now on every flush fails, which is final: `acks=all` is answered with an error until `restart`. */
  failFlushes(): void;
  /** Every operation of the disk waits for a beat of `ms` milliseconds. */
  slowDisk(ms: number): void;
  /** Nothing reaches the disk until `heal`: producers wait. */
  holdDisk(): void;
  /** The disk has no more room. */
  fillDisk(): void;
  /** Ends all of them; what a failed flush has ended needs a `restart` as well. */
  heal(): void;
}

/** A running test broker. */
export interface TestBroker extends AsyncDisposable {
  /** `['127.0.0.1:port']`, as clients want it. */
  readonly brokers: string[];
  /** The same as one text, for `bootstrap.servers`. */
  readonly bootstrapServers: string;
  readonly host: string;
  readonly port: number;
  /** `redis://127.0.0.1:port`; undefined when Redis was not asked for. */
  readonly redisUrl: string | undefined;
  /** The server as it runs now; another one after `restart` and `cutPower`. */
  readonly server: MillraceServer;
  /** The simulated disk; undefined with `storage: 'directory'`. */
  readonly disk: SimulatedDisk | undefined;
  /** Need `storage: 'memory'`, but for `dropConnections`: they throw MILLRACE_ARGUMENT in a directory. */
  readonly faults: TestFaults;
  /** Creates topics; resolves when clients see them. Those that are there stay. */
  createTopics(topics: TestTopics): Promise<void>;
  /** Puts records into a topic, without a client. Rejects with MILLRACE_UNKNOWN_TOPIC. */
  produce(topic: string, records: readonly RecordInput[]): Promise<void>;
  /** Everything in a topic, partition by partition, without a client. Rejects with MILLRACE_UNKNOWN_TOPIC. */
  records(topic: string): Promise<LogRecord[]>;
  /** Removes all topics, groups, offsets and Redis keys and ends all faults; ports and connections stay. */
  reset(): Promise<void>;
  /** Stops in order and starts again on the same data and port. */
  restart(): Promise<void>;
  /** Cuts the power and starts again on what is left, on the same port. Needs `storage: 'memory'`. */
  cutPower(): Promise<void>;
  close(): Promise<void>;
}

/** What makes a broker quick to work with. */
const TEST_SETTINGS = { 'group.initial.rebalance.delay.ms': 0, 'group.min.session.timeout.ms': 10 };
/** Enough for any test. */
const PARTITIONS_MAX = 10_000;
/** Small files, because they are written once when the directory is made. */
const TEST_ENGINE = { journalFileBytes: '1mb', journalFiles: 3, memoryBytes: '64mb' } as const;

/** Where the data is. */
interface Place {
  readonly disk: SimulatedDisk | undefined;
  readonly dir: string;
  remove(): Promise<void>;
}

async function placeFor(options: TestBrokerOptions): Promise<Place> {
  const { storage = 'memory', seed = 1 } = options;
  if (storage === 'memory') {
    const disk = new SimulatedDisk(seed);
    disk.jumpClock(Date.now() - disk.wallMs);
    return { disk, dir: disk.directory, remove: async () => disk[Symbol.dispose]() };
  }
  if (storage !== 'directory') {
    throw new MillraceError('MILLRACE_OPTION', `storage must be memory or directory, not ${String(storage)}`);
  }
  const parent = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  return { disk: undefined, dir: join(parent, 'data'), remove: () => rm(parent, { recursive: true, force: true }) };
}

/** Starts a broker. Rejects with MILLRACE_OPTION, and as `serve` does when a port was asked for. */
export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const place = await placeFor(options);
  try {
    const broker = new RunningTestBroker(place, options, await open(place, options, portsOf(options)));
    if (options.topics) await broker.createTopics(options.topics);
    return broker;
  } catch (error) {
    await place.remove();
    throw error;
  }
}

/** Ports to listen on; 0 takes a free one. */
interface Ports {
  readonly kafka: number;
  /** Undefined: no Redis. */
  readonly redis: number | undefined;
}

function portsOf({ kafka, redis = false }: TestBrokerOptions): Ports {
  const redisAddress = redis === true ? {} : redis;
  return {
    kafka: addressOf(kafka).port ?? 0,
    redis: redisAddress === false ? undefined : (addressOf(redisAddress).port ?? 0),
  };
}

function addressOf(given: number | TestAddress | boolean = {}): TestAddress {
  if (typeof given === 'number') return { port: given };
  return typeof given === 'boolean' ? {} : given;
}

function open({ disk, dir }: Place, options: TestBrokerOptions, ports: Ports): Promise<MillraceServer> {
  const redisHost = addressOf(options.redis).host;
  const { kafka, settings, flush = disk ? 'always' : 'os', print } = options;
  return serve({
    ...TEST_ENGINE,
    ...disk?.options,
    dir,
    flush,
    kafka: { host: addressOf(kafka).host, port: ports.kafka },
    redis: ports.redis === undefined ? undefined : { host: redisHost, port: ports.redis },
    settings: { ...TEST_SETTINGS, ...settings },
    print,
  });
}

class RunningTestBroker implements TestBroker {
  readonly host: string;
  readonly port: number;
  readonly redisUrl: string | undefined;
  readonly disk: SimulatedDisk | undefined;
  readonly faults: TestFaults;
  readonly #place: Place;
  readonly #options: TestBrokerOptions;
  #server: MillraceServer;
  #closing: Promise<void> | undefined;

  constructor(place: Place, options: TestBrokerOptions, server: MillraceServer) {
    this.#place = place;
    this.#options = options;
    this.#server = server;
    this.host = server.kafka.host;
    this.port = server.kafka.port;
    this.redisUrl = server.redis && `redis://${server.redis.host}:${server.redis.port}`;
    this.disk = place.disk;
    this.faults = this.#switches();
  }

  get brokers(): string[] {
    return [this.bootstrapServers];
  }

  get bootstrapServers(): string {
    return `${this.host}:${this.port}`;
  }

  get server(): MillraceServer {
    return this.#server;
  }

  #topic(name: string): LogTopic {
    const { engine, broker } = partsOf(this.#server);
    return topicOf(engine, broker, name);
  }

  #switches(): TestFaults {
    return {
      dropConnections: () => partsOf(this.#server).broker.dropConnections(),
      failFlushes: () => this.#simulated().failFlushes(),
      slowDisk: (ms) => this.#simulated().slow(ms),
      holdDisk: () => this.#simulated().hold(),
      fillDisk: () => this.#simulated().fill(),
      heal: () => this.disk?.heal(),
    };
  }

  #simulated(): SimulatedDisk {
    if (this.disk) return this.disk;
    throw new MillraceError('MILLRACE_ARGUMENT', "a real disk cannot be made to fail: start with storage: 'memory'");
  }

  async createTopics(topics: TestTopics): Promise<void> {
    const named = isNames(topics) ? topics.map((name) => [name, 1] as const) : Object.entries(topics);
    const { catalogue } = partsOf(this.#server).broker.context;
    await Promise.all(named.map(([name, partitions]) => createTopic(catalogue, name, partitions)));
  }

  async produce(topic: string, records: readonly RecordInput[]): Promise<void> {
    await this.#topic(topic).append(records);
  }

  async records(topic: string): Promise<LogRecord[]> {
    return recordsOf(this.#topic(topic));
  }

  async reset(): Promise<void> {
    this.faults.heal();
    const { redis } = this.#server;
    await Promise.all([clearBroker(partsOf(this.#server).broker), redis && clearRedis(redis)]);
  }

  async restart(): Promise<void> {
    this.faults.dropConnections();
    await this.#server.close();
    await this.#reopen();
  }

  async cutPower(): Promise<void> {
    this.#simulated().cutPower();
    this.faults.dropConnections();
    await this.#server.close();
    await this.#reopen();
  }

  async #reopen(): Promise<void> {
    this.faults.heal();
    const ports = { kafka: this.port, redis: this.#server.redis?.port };
    this.#server = await open(this.#place, this.#options, ports);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.faults.heal();
    this.faults.dropConnections();
    await this.#server.close();
    await this.#place.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function isNames(topics: TestTopics): topics is readonly string[] {
  return Array.isArray(topics);
}

function createTopic(catalogue: TopicCatalogue, name: string, partitions: number): Promise<void> {
  const problem = topicNameProblem(name);
  if (problem) throw new MillraceError('MILLRACE_INVALID_TOPIC', problem);
  if (!Number.isSafeInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX) {
    throw new MillraceError('MILLRACE_ARGUMENT', `${name}: a topic has 1 to ${PARTITIONS_MAX} partitions`);
  }
  return new Promise((resolve, reject) => {
    catalogue.create({ name, partitions, config: new Map() }, (outcome) => {
      if (outcome.kind === 'failed') reject(fromCode(outcome.code));
      else resolve();
    });
  });
}
