/**
 * The server without its sockets: databases, clients, the way of a command from its arguments to its reply and its news.
 *
 * Not the turn (executor.ts) and not what commands do. The invariants to remember: a command is checked in the order of
 * Redis, so that errors are the same; news of a command (invalidations, events) are sent when it is done, and
 * not at all when it is undone.
 */

import { randomBytes } from 'node:crypto';
import { type RedisCommandNews, redisCommands } from '../channels.ts';
import type { CodeNumber, LevelNumber } from '../io/native-types.ts';
import type { FrameDone } from '../kv/frames.ts';
import type { Store } from '../kv/store.ts';
import type { Effect } from '../log/types.ts';
import type { MakeBackup } from './backup-place.ts';
import { BlockedClients } from './blocking/blocked-clients.ts';
import type { ByteTransport } from './byte-transport.ts';
import { callsByName, commandName } from './call-counts.ts';
import { Client, type ClientOwner } from './client.ts';
import { Cold } from './cold.ts';
import { Collections } from './collections.ts';
import { arityFits, type Call, type Command, keysOf } from './command.ts';
import { allCommands, commandNamed, subcommandNamed } from './command-table.ts';
import { Database, type DatabaseHost } from './database.ts';
import { type DirectEngine, DirectRun } from './direct-run.ts';
import { Eviction, type EvictionHost } from './eviction/eviction.ts';
import { Executor, type ExecutorHost, RUN_AGAIN } from './executor.ts';
import type { KeyPosition } from './key-walk.ts';
import { CommandError, errors, unknownCommand, unknownSubcommand, wrongArity } from './protocol/errors.ts';
import { PubSub } from './pubsub.ts';
import { encodePush } from './push-message.ts';
import type { HostEngine, RedisHost } from './redis-host.ts';
import { ScanCursors } from './scan-cursors.ts';
import type { RedisSettings } from './settings.ts';
import { SlowLog } from './slow-log.ts';
import { Statistics } from './statistics.ts';
import { StoreView } from './store-view.ts';
import { Tracking } from './tracking.ts';
import { TurnWrites } from './turn-writes.ts';
import { Unfinished } from './unfinished.ts';
import { WatchedKeys } from './watched-keys.ts';
import { WriteRefusal } from './write-refusal.ts';

/** The three stores of one database. */
export interface DatabaseStores {
  readonly strings: Store;
  readonly heads: Store;
  readonly members: Store;
}

export interface CoreOptions {
  readonly stores: readonly DatabaseStores[];
  readonly settings: RedisSettings;
  readonly engine: HostEngine;
  submit(effects: readonly Effect[], level: LevelNumber, done: FrameDone): void;
  schedule(turn: () => void): void;
  /** Runs simple commands where the data is; without, all commands go one way. */
  readonly direct?: DirectEngine | undefined;
  /** `done` runs when `lsn` has reached `level`. */
  whenReached(lsn: number, level: LevelNumber, done: (failure: CodeNumber) => void): void;
  /** Tells clients what was done for them where their commands arrived. */
  readonly refreshClients?: (() => void) | undefined;
  /** Where lines about refused writes go. */
  readonly print?: ((line: string) => void) | undefined;
  readonly shutdown?: (() => void) | undefined;
  readonly makeBackup?: MakeBackup | undefined;
}

/** Commands that pass before AUTH. */
const BEFORE_AUTH = new Set(['auth', 'hello', 'quit', 'reset']);
/** Commands that are not queued by MULTI. */
const UNQUEUED = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset']);
/** Commands of a subscriber in RESP2. */
const WHILE_SUBSCRIBED = new Set(['subscribe', 'unsubscribe', 'psubscribe', 'punsubscribe', 'ping', 'quit', 'reset']);
/** Commands with one reply each, in whose place an error is understood. */
const PLAIN = new Set([
  ...allCommands.filter(({ flags }) => flags.includes('write') || flags.includes('readonly')).map(({ name }) => name),
  'multi',
  'exec',
  'discard',
]);
/** Commands that look at keys without using them. */
const LOOKS_ONLY = new Set([
  ...['type', 'ttl', 'pttl', 'expiretime', 'pexpiretime', 'exists'],
  ...['encoding', 'refcount', 'idletime', 'freq', 'usage'],
]);
/** Of each key, beside its record: what the ordered directory of keys needs. */
const KEY_OVERHEAD = 24;
const QUEUE_COMMANDS_MAX = 100_000;
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;
/** What one command or transaction writes has to fit into one frame of the journal, with room for what is before it. Large
 * values are not in the frame, but a frame names only so many bytes of them. */
const COMMAND_WRITES_MAX = 24 * 1024 * 1024;
const LARGE_WRITES_MAX = 512 * 1024 * 1024;
const TOO_MUCH =
  'ERR one command changes more than 24 MiB of keys and members, or 512 MiB of large values; do it in parts';
/** A listener that lets so many bytes wait is closed. */
const PUSH_BYTES_MAX = 32 * 1024 * 1024;
/** A threshold of the slow log below this may be met by a simple command. */
const DIRECT_MICROS = 1000;
const INVALIDATE = Buffer.from('invalidate');
const INVALIDATE_CHANNEL = Buffer.from('__redis__:invalidate');
const MESSAGE = Buffer.from('message');

export class RedisCore implements RedisHost, ExecutorHost, DatabaseHost, ClientOwner, EvictionHost {
  readonly databases: readonly Database[];
  readonly settings: RedisSettings;
  readonly statistics: Statistics = new Statistics();
  readonly slowLog: SlowLog = new SlowLog();
  readonly pubsub: PubSub;
  readonly tracking: Tracking;
  readonly collections: Collections;
  readonly eviction: Eviction;
  readonly blocked: BlockedClients;
  readonly cursors: ScanCursors<KeyPosition>;
  readonly clients: Map<number, Client> = new Map();
  readonly engine: HostEngine;
  readonly writes: TurnWrites;
  /** Memory of unfinished commands of all connections. */
  inputBytesHeld = 0;
  readonly executor: Executor;
  readonly runId: string = randomBytes(20).toString('hex');
  readonly shutdown: (() => void) | undefined;
  readonly makeBackup: MakeBackup | undefined;
  readonly commands: readonly Command[] = allCommands;
  port = 0;
  lastSaveSeconds: number = Math.floor(Date.now() / 1000);
  nowMs: number = Date.now();
  isWatched = false;
  wantsEvents = false;
  isAlways = true;
  /** Writes are refused: a flush has failed. */
  isFailed = false;
  readonly #options: CoreOptions;
  /** Whether the engine takes writes now. */
  readonly refusal: WriteRefusal;
  readonly #direct: DirectRun | null;
  readonly #watched = new WatchedKeys();
  readonly #monitors = new Set<Client>();
  #lastClientId = 0;
  /** Whose command runs. */
  #running: Client | null = null;
  /** Messages to that client, which follow its reply. */
  #behindReply: Buffer[] = [];
  #isInExec = false;
  /** The command that runs only reads. */
  #isReading = false;
  /** It counts as a use of its keys. */
  #isUsing = true;
  /** Ids of the stores of all databases. */
  readonly #stores: Float64Array;

  constructor(options: CoreOptions) {
    this.#options = options;
    this.settings = options.settings;
    this.engine = options.engine;
    this.writes = new TurnWrites(options.engine.largeValueBytes);
    this.shutdown = options.shutdown;
    this.makeBackup = options.makeBackup;
    this.refusal = new WriteRefusal(options.print ?? (() => {}));
    this.#direct = options.direct ? new DirectRun(options.direct, this.statistics) : null;
    this.executor = new Executor(this);
    this.pubsub = new PubSub((client, parts) => this.#push(client, parts));
    this.tracking = new Tracking((client, keys) => this.#invalidate(client, keys));
    this.collections = new Collections(() => this.executor.chore(() => this.collections.purgeSome(this.nowMs)));
    this.blocked = new BlockedClients(
      (client, step) => this.executor.goOn(client, step),
      (chore) => this.executor.chore(chore),
      () => this.refreshWatched(),
    );
    this.cursors = new ScanCursors(randomBytes(4).readUInt32LE() * 2 ** 16);
    this.databases = options.stores.map(({ strings, heads, members }, index) => {
      const [first, second, third] = [strings, heads, members].map((store) => new StoreView(store, this.writes));
      return new Database(index, this, first as StoreView, second as StoreView, third as StoreView);
    });
    this.eviction = new Eviction(this);
    this.eviction.refresh();
    this.#stores = Float64Array.from(
      options.stores.flatMap(({ strings, heads, members }) => [strings.id, heads.id, members.id]),
    );
    this.executor.chore(() => {
      for (const db of this.databases) db.mayHaveHeads = db.heads.count(this.nowMs) > 0;
      this.collections.resume(this.databases, this.nowMs);
    });
    this.refreshWatched();
  }

  get direct(): DirectRun | null {
    const limit = this.settings.slowerThanMicros;
    const isTold = this.isWatched || this.wantsEvents || this.#monitors.size > 0 || this.isFailed || this.refusal.isOn;
    if (this.eviction.isOn && (this.eviction.access !== null || !this.eviction.hasRoom)) return null;
    return isTold || redisCommands.hasSubscribers || (limit >= 0 && limit < DIRECT_MICROS) ? null : this.#direct;
  }

  get isCalm(): boolean {
    // Who makes room measures between commands.
    return !this.eviction.isOn && this.databases.every((db) => db.isAtRest && !db.isFollowed);
  }

  /** Ids of the stores of all databases: strings, heads and members of each. */
  get stores(): Float64Array {
    return this.#stores;
  }

  /** Replies that the peers have not taken, their last commands and when they came, as of now. */
  refreshClients(): void {
    this.#options.refreshClients?.();
  }

  whenReached(lsn: number, level: LevelNumber, done: (failure: CodeNumber) => void): void {
    this.#options.whenReached(lsn, level, done);
  }

  looked(isFound: boolean): void {
    if (!this.#isReading) return;
    if (isFound) this.statistics.hits += 1;
    else this.statistics.misses += 1;
  }

  used(db: number, text: string): void {
    if (this.#isUsing) this.eviction.access?.touch(db, text, this.nowMs);
  }

  measure(): number {
    return (this.databases[0] as Database).strings.store.stores.liveBytes(this.#stores, KEY_OVERHEAD);
  }

  get isPurging(): boolean {
    return this.collections.isPurging;
  }

  get hasRoom(): boolean {
    return this.eviction.hasRoom;
  }

  makeRoom(submit: () => void): void {
    this.#running = null;
    this.#behindReply = [];
    this.eviction.makeRoom(submit);
    this.#tellNews(null);
  }

  /** What INFO counts, for metrics. */
  counters(): Record<string, number> {
    const { connections, rejectedConnections, commands, commandsPerSecond } = this.statistics;
    const { inputBytes, outputBytes, hits, misses } = this.statistics;
    let blockedClients = 0;
    for (const client of this.clients.values()) if (client.waiting !== null) blockedClients += 1;
    return {
      clients: this.clients.size,
      blockedClients,
      connections,
      rejectedConnections,
      commands,
      commandsPerSecond,
      inputBytes,
      outputBytes,
      hits,
      misses,
      expiredKeys: this.expiredKeys,
      evictedKeys: this.statistics.evicted,
      persistedBytes: this.persistedBytes,
      uptimeSeconds: (Date.now() - this.statistics.startedMs) / 1000,
      maxmemory: this.settings.number('maxmemory'),
      maxclients: this.settings.number('maxclients'),
      ...callsByName(this.statistics),
      ...this.#keysByDatabase(),
    };
  }

  /** Keys of the databases that have any: as far as they are committed. */
  #keysByDatabase(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { index, strings, heads } of this.databases) {
      const keys = strings.store.count() + heads.store.count();
      if (keys === 0) continue;
      counts[`keys.db${index}`] = keys;
      counts[`expiring.db${index}`] = this.databases[index]?.expiring() ?? 0;
    }
    return counts;
  }

  /** What the databases take: their data files, and what is only in the journal. */
  get persistedBytes(): number {
    const stores = this.databases.flatMap(({ strings, heads, members }) => [strings, heads, members]);
    return stores.reduce((sum, { store }) => {
      const { fileBytes, memtableBytes } = store.stats();
      return (
        sum + (typeof fileBytes === 'number' ? fileBytes : 0) + (typeof memtableBytes === 'number' ? memtableBytes : 0)
      );
    }, 0);
  }

  get expiredKeys(): number {
    const { purged } = this.databases[0]?.strings.store.stats() ?? {};
    return (typeof purged === 'number' ? purged : 0) - this.statistics.expiredBefore;
  }

  isPlain(client: Client): boolean {
    return client.replies === 'on' && PLAIN.has(client.lastCommand);
  }

  sent(bytes: number): void {
    this.statistics.outputBytes += bytes;
  }

  get maxBulkBytes(): number {
    return this.settings.number('proto-max-bulk-len');
  }

  /** Memory of unfinished commands has become so much more; false: it is too much. */
  holds(bytes: number): boolean {
    this.inputBytesHeld += bytes;
    return bytes <= 0 || this.inputBytesHeld <= this.settings.number('client-query-buffer-limit');
  }

  /** A new connection. */
  connect(transport: ByteTransport): Client {
    this.#lastClientId += 1;
    const isOpen = this.settings.text('requirepass') === '';
    const client = new Client(this, transport, this.#lastClientId, this.databases[0] as Database, isOpen);
    this.clients.set(client.id, client);
    this.statistics.connections += 1;
    return client;
  }

  ready(client: Client): void {
    this.executor.ready(client);
  }

  closed(client: Client): void {
    this.clients.delete(client.id);
    this.pubsub.forget(client);
    this.tracking.stop(client);
    this.#watched.forget(client);
    this.#monitors.delete(client);
    this.refreshWatched();
  }

  end(client: Client): void {
    this.executor.end(client);
  }

  monitor(client: Client): void {
    this.#monitors.add(client);
    client.isMonitor = true;
  }

  purge(database: Database, id: number): void {
    this.collections.purge(database, id);
  }

  submit(effects: readonly Effect[], level: LevelNumber, done: FrameDone): void {
    this.#options.submit(effects, level, done);
  }

  schedule(turn: () => void): void {
    this.#options.schedule(turn);
  }

  isBlocked(client: Client): boolean {
    return this.blocked.has(client);
  }

  afterCommand(): void {
    if (this.blocked.isPending) this.blocked.serve();
  }

  beginTurn(): void {
    this.nowMs = Date.now();
    this.statistics.turns += 1;
    this.eviction.begin();
  }

  endTurn(): void {
    this.#running = null;
  }

  command(name: string): Command | undefined {
    return commandNamed(name);
  }

  refreshWatched(): void {
    this.isWatched = this.#watched.size > 0 || this.tracking.clients > 0 || this.blocked.size > 0;
    const { eventClasses } = this.settings;
    this.wantsEvents = eventClasses.has('K') || eventClasses.has('E');
  }

  keysAhead = (client: Client, args: readonly Buffer[]): readonly Buffer[] | undefined => {
    if (!client.isAuthenticated) return undefined;
    const command = commandNamed(nameOf(args));
    if (command === undefined) return undefined;
    if (client.queue !== null) {
      if (command.name !== 'exec') return undefined;
      return client.queue.flatMap(({ command: queued, args: itsArgs }) => [...keysOf(queued, itsArgs)]);
    }
    if (command.isBlind === true && !client.db.mayHaveHeads) return undefined;
    return arityFits(command, args.length) ? keysOf(command, args) : undefined;
  };

  run(client: Client, args: readonly Buffer[]): void {
    this.#command(client, args, null);
  }

  resume(client: Client, args: readonly Buffer[], step: (call: Call) => void): void {
    this.#command(client, args, step === RUN_AGAIN ? null : step);
  }

  /** The way of one command; `step` is where a command goes on that has waited. */
  #command(client: Client, args: readonly Buffer[], step: ((call: Call) => void) | null): void {
    const { reply } = this.executor;
    const mark = reply.mark();
    const began = performance.now();
    this.#running = client;
    this.#behindReply = [];
    this.executor.address(client);
    const found = this.#find(client, args);
    if (typeof found === 'string') {
      this.statistics.errors += 1;
      if (client.queue !== null) client.isQueueBad = true;
      reply.error(found);
    } else if (client.queue !== null && !UNQUEUED.has(found.name) && step === null) {
      this.#queue(client, found, args);
    } else {
      if (this.#monitors.size > 0 && step === null) this.#tellMonitors(client, args);
      client.lastCommand = found.name;
      this.#run(client, found, args, step);
    }
    this.statistics.commands += 1;
    if (client.replies !== 'on') this.#swallow(client, () => reply.truncate(mark));
    this.#tellNews(client);
    const micros = (performance.now() - began) * 1000;
    if (typeof found !== 'string') this.#called(client, found, args.length, micros);
    const limit = this.settings.slowerThanMicros;
    if (limit >= 0 && micros >= limit && typeof found !== 'string') this.#slow(client, args, micros);
  }

  /** The command, or the error that refuses it. */
  #find(client: Client, args: readonly Buffer[]): Command | string {
    const container = commandNamed(nameOf(args));
    if (container === undefined) return unknownCommand(args);
    let command = container;
    let fullName = container.name;
    if (container.subcommands !== undefined && args.length > 1) {
      const sub = subcommandNamed(container, args[1] as Buffer);
      if (sub === undefined) return unknownSubcommand(container.name, args[1] as Buffer);
      command = sub;
      fullName = `${container.name}|${sub.name}`;
    }
    if (!arityFits(command, args.length)) return wrongArity(fullName);
    if (!client.isAuthenticated && !BEFORE_AUTH.has(container.name)) return errors.noAuth;
    if (this.isFailed && command.flags.includes('write')) return errors.misconf;
    if (this.refusal.isOn && command.flags.includes('denyoom')) {
      const answer = this.refusal.answer(this.nowMs);
      if (answer !== undefined) return answer;
    }
    if (this.eviction.isOut && command.flags.includes('denyoom')) return errors.outOfMemory;
    if (client.protocol === 2 && client.isSubscribed && !WHILE_SUBSCRIBED.has(container.name)) {
      return `ERR Can't execute '${fullName}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`;
    }
    if (client.queue !== null && command.flags.includes('no_multi'))
      return `ERR Command not allowed inside a transaction`;
    return command;
  }

  #queue(client: Client, command: Command, args: readonly Buffer[]): void {
    const { reply } = this.executor;
    const bytes = args.reduce((sum, arg) => sum + arg.length, 0);
    const queue = client.queue ?? [];
    client.queueBytes += bytes;
    if (queue.length >= QUEUE_COMMANDS_MAX || client.queueBytes > QUEUE_BYTES_MAX) {
      client.isQueueBad = true;
      queue.length = 0;
      reply.error('ERR too many commands in a transaction');
      return;
    }
    queue.push({ command, args: args.map((arg) => Buffer.from(arg)) });
    reply.queued();
  }

  /** Runs a command; what it throws becomes its reply, unless it has to wait. */
  #run(client: Client, command: Command, args: readonly Buffer[], step: ((call: Call) => void) | null): void {
    const { reply } = this.executor;
    const mark = reply.mark();
    const writes = this.writes.mark();
    const { hits, misses } = this.statistics;
    this.#isReading = command.flags.includes('readonly');
    this.#isUsing = !LOOKS_ONLY.has(command.name) && (!client.isNoTouch || command.name === 'touch');
    const call: Call = {
      args,
      client,
      db: client.db,
      host: this,
      reply,
      nowMs: this.nowMs,
      isInExec: this.#isInExec,
    };
    try {
      if (step !== null) step(call);
      else if (command.run === undefined) throw new CommandError(wrongArity(command.name));
      else command.run(call);
      if (this.writes.bytesSince(writes) > COMMAND_WRITES_MAX) throw new CommandError(TOO_MUCH);
      if (this.writes.largeSince(writes) > LARGE_WRITES_MAX) throw new CommandError(TOO_MUCH);
    } catch (error) {
      if (error instanceof Cold || error instanceof Unfinished) {
        // It will look again.
        Object.assign(this.statistics, { hits, misses });
        throw error;
      }
      reply.truncate(mark);
      this.writes.rollback(writes);
      this.statistics.errors += 1;
      if (!(error instanceof CommandError)) throw error;
      reply.error(error.message);
      return;
    }
    if (client.tracking !== null) this.#track(client, command, args);
  }

  perform(client: Client, command: Command, args: readonly Buffer[]): void {
    const wasInExec = this.#isInExec;
    this.#isInExec = true;
    try {
      this.#run(client, command, args, null);
    } finally {
      this.#isInExec = wasInExec;
    }
  }

  #track(client: Client, command: Command, args: readonly Buffer[]): void {
    if (command.flags.includes('readonly')) this.tracking.read(client, keysOf(command, args));
    if (client.tracking !== null && command.name !== 'caching') client.tracking.caching = null;
  }

  #swallow(client: Client, truncate: () => void): void {
    if (client.replies === 'skip-next') {
      client.replies = 'skip';
      truncate();
      return;
    }
    truncate();
    if (client.replies === 'skip') client.replies = 'on';
  }

  watch(client: Client, key: Buffer): void {
    const wasThere = client.db.has(key);
    this.#watched.add(client, { db: client.db, key: Buffer.from(key), wasThere });
    this.refreshWatched();
  }

  unwatch(client: Client): void {
    this.#watched.forget(client);
    client.isDirty = false;
    this.refreshWatched();
  }

  /** Tells whoever has to know what the command that is done has changed. */
  #tellNews(client: Client | null): void {
    const { touched, events } = this.writes;
    if (touched.length > 0) {
      this.writes.touched = [];
      for (const { db, key } of touched) {
        this.#watched.touched(db, key);
        this.blocked.touched(this.databases[db] as Database, key);
        if (key === null) this.tracking.flushed(this.clients.values());
        else this.tracking.changed(key, client);
      }
    }
    if (events.length > 0) {
      this.writes.events = [];
      for (const event of events) this.#publishEvent(event.db, event.kind, event.event, event.key);
    }
    if (this.#behindReply.length === 0) return;
    const messages = this.#behindReply;
    this.#behindReply = [];
    for (const message of messages) this.executor.reply.raw(message);
  }

  #publishEvent(db: number, kind: string, event: string, key: Buffer): void {
    const { eventClasses } = this.settings;
    if (!eventClasses.has(kind)) return;
    if (eventClasses.has('K')) {
      this.pubsub.publish(Buffer.concat([Buffer.from(`__keyspace@${db}__:`), key]), Buffer.from(event));
    }
    if (eventClasses.has('E')) this.pubsub.publish(Buffer.from(`__keyevent@${db}__:${event}`), key);
  }

  #push(client: Client, parts: readonly (Buffer | readonly Buffer[] | null)[]): void {
    if (client.unsent > PUSH_BYTES_MAX) {
      client.close();
      return;
    }
    const bytes = encodePush(client.protocol, parts);
    if (client === this.#running) this.#behindReply.push(bytes);
    else this.executor.push(client, bytes);
  }

  #invalidate(client: Client, keys: readonly Buffer[] | null): void {
    const redirect = client.tracking?.redirect ?? 0;
    const target = redirect === 0 ? client : this.clients.get(redirect);
    if (target === undefined) return;
    if (target.protocol === 3) this.#push(target, [INVALIDATE, keys]);
    else if (target.channels.has(INVALIDATE_CHANNEL.toString()))
      this.#push(target, [MESSAGE, INVALIDATE_CHANNEL, keys]);
  }

  #tellMonitors(client: Client, args: readonly Buffer[]): void {
    const words = args.map((arg) => JSON.stringify(arg.toString('latin1'))).join(' ');
    const { remoteAddress, remotePort } = client.transport.addresses;
    const now = (Date.now() / 1000).toFixed(6);
    const line = Buffer.from(`+${now} [${client.db.index} ${remoteAddress}:${remotePort}] ${words}\r\n`, 'latin1');
    for (const monitor of this.#monitors) if (monitor !== client) this.executor.push(monitor, line);
  }

  #called({ id: clientId, db }: Client, command: Command, words: number, micros: number): void {
    this.statistics.called(command, micros);
    if (!redisCommands.hasSubscribers) return;
    redisCommands.publish({
      command: commandName(command),
      words,
      database: db.index,
      clientId,
      durationMs: micros / 1000,
    } satisfies RedisCommandNews);
  }

  #slow(client: Client, args: readonly Buffer[], micros: number): void {
    const { remoteAddress, remotePort } = client.transport.addresses;
    const limit = this.settings.number('slowlog-max-len');
    this.slowLog.add(args, Math.round(micros), `${remoteAddress}:${remotePort}`, client.name, limit);
  }
}

function nameOf(args: readonly Buffer[]): string {
  const name = args[0] as Buffer;
  return name.toString('latin1', 0, Math.min(name.length, 64));
}
