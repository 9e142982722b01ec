/**
 * `millrace kv watch | feed`: the changes of a store, and the topic they go to.
 *
 * Invariant: a change is a line; a directory is read to its end, a server is followed until it is interrupted.
 */
import { feedChange, type StoreChange } from '../index.ts';
import { batchTools } from '../tools.ts';
import { printable } from './columns.ts';
import { CliError, ExitCode, type ExitCodeNumber, usage } from './exit.ts';
import { Fetcher } from './fetcher.ts';
import { watchInterrupt } from './interrupt.ts';
import { check } from './kafka-names.ts';
import { bytesOf, openStore, type StoreOptions, textOf } from './kv-session.ts';
import { parseOffsetRange } from './offset-range.ts';
import type { Form } from './report.ts';
import { type ClientOptions, openSession } from './session.ts';
import { resolvePositions } from './start-positions.ts';
import { DataOutput, type Terminal, tell } from './terminal.ts';
import { fetchTopics } from './topic-description.ts';

/** Options of `watch`. */
export interface WatchChoice extends StoreOptions, ClientOptions, Form {
  readonly topic?: string;
  readonly from?: string;
  readonly prefix?: string;
  readonly num?: number;
}

/** Prints changes: of a directory's store from its feed, or with `--topic` of a server as they come. */
export async function watch(options: WatchChoice, terminal: Terminal): Promise<ExitCodeNumber> {
  const printer = new ChangePrinter(options, new DataOutput(terminal.stdout));
  return options.topic === undefined ? readDirectory(options, printer) : followServer(options, options.topic, printer);
}

async function readDirectory(options: WatchChoice, printer: ChangePrinter): Promise<ExitCodeNumber> {
  await using kv = await openStore(options, false);
  if (kv.feedTopic(options.store) === undefined) {
    throw new CliError(ExitCode.notFound, `the changes of ${options.store} go to no topic: see millrace kv feed`);
  }
  for await (const change of kv.watch({ from: options.from ?? 'earliest', follow: false })) {
    const expiresMs = change.type === 'put' ? (change.expiresMs ?? 0) : 0;
    const isMore = printer.take({ ...change, expiresMs } as StoreChange, { position: change.position });
    await printer.flushFull();
    if (!isMore) break;
  }
  await printer.flush();
  return ExitCode.ok;
}

async function followServer(options: WatchChoice, topic: string, printer: ChangePrinter): Promise<ExitCodeNumber> {
  const { from = 'earliest' } = options;
  const range = parseOffsetRange(from === 'earliest' ? 'start' : from === 'now' ? 'end' : from, Date.now());
  using interrupt = watchInterrupt();
  await using session = await openSession(options);
  const [found] = await fetchTopics(session, [topic]);
  check(found?.errorCode ?? 0, topic);
  const fetcher = new Fetcher(session, batchTools());
  fetcher.assign(await resolvePositions(session, topic, [0], range));
  while (fetcher.active.length > 0 && !interrupt.signal.aborted) {
    const isMore = await fetcher.poll(({ key, value, headers, offset, timestamp }) => {
      const change = feedChange({
        key: key && Buffer.from(key),
        value: value && Buffer.from(value),
        headers: headers.map((header) => [header.key, header.value && Buffer.from(header.value)] as const),
      });
      return change === undefined || printer.take(change, { offset, timestamp });
    });
    await printer.flush();
    if (!isMore) break;
  }
  return interrupt.signal.aborted ? ExitCode.interrupted : ExitCode.ok;
}

/** Turns changes into lines and counts them against `-n`. */
class ChangePrinter {
  readonly #options: WatchChoice;
  readonly #output: DataOutput;
  readonly #prefix: Buffer;
  readonly #most: number;
  #printed = 0;
  #isFull = false;

  constructor(options: WatchChoice, output: DataOutput) {
    this.#options = options;
    this.#output = output;
    this.#prefix = bytesOf(options.prefix ?? '', options);
    this.#most = options.num ?? Number.POSITIVE_INFINITY;
  }

  /** Prints one change; false when it was the last of `-n`. */
  take(change: StoreChange, place: Record<string, unknown>): boolean {
    if (change.type !== 'clear' && !change.key.subarray(0, this.#prefix.length).equals(this.#prefix)) return true;
    const line = this.#options.format === 'json' ? this.#json(change, place) : this.#text(change);
    this.#isFull = this.#output.add([Buffer.from(`${line}\n`)]);
    this.#printed += 1;
    return this.#printed < this.#most;
  }

  #text(change: StoreChange): string {
    if (change.type === 'clear') return 'clear';
    const key = printable(textOf(change.key, this.#options));
    return change.type === 'del' ? `del\t${key}` : `put\t${key}\t${printable(textOf(change.value, this.#options))}`;
  }

  #json(change: StoreChange, place: Record<string, unknown>): string {
    if (change.type === 'clear') return JSON.stringify({ type: 'clear', ...place });
    const key = textOf(change.key, this.#options);
    if (change.type === 'del') return JSON.stringify({ type: 'del', key, ...place });
    const { value, expiresMs } = change;
    const shown = { value: textOf(value, this.#options), expiresMs: expiresMs || undefined };
    return JSON.stringify({ type: 'put', key, ...shown, ...place });
  }

  async flushFull(): Promise<void> {
    if (this.#isFull) await this.flush();
  }

  flush(): Promise<void> {
    this.#isFull = false;
    return this.#output.flush();
  }
}

/** Lets the changes of a store go to a topic, ends that, or says where they go. */
export async function feed(
  options: StoreOptions & { readonly topic?: string; readonly off?: boolean },
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const { store, topic, off } = options;
  if (off && topic !== undefined) throw usage('--topic and --off exclude each other');
  await using kv = await openStore(options, topic !== undefined);
  if (off) await kv.endFeed(store);
  else if (topic !== undefined) await kv.setFeed(store, topic);
  const target = kv.feedTopic(store);
  tell(
    terminal,
    target === undefined ? `the changes of ${store} go to no topic` : `the changes of ${store} go to ${target}`,
  );
  return ExitCode.ok;
}
