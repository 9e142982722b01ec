/**
 * `millrace produce TOPIC [FILE...]`: cuts files or stdin into records and sends them. Cutting is line-input.ts,
 * sending producer.ts.
 *
 * Invariant: exit code 0 means that every record of the input was acknowledged at the level asked for.
 */
import { createReadStream } from 'node:fs';
import type { Compression } from '../log/batch-layout.ts';
import { batchTools } from '../tools.ts';
import { CliError, ExitCode, type ExitCodeNumber, usage } from './exit.ts';
import { delimitedFormat } from './format-escape.ts';
import { watchInterrupt } from './interrupt.ts';
import { check } from './kafka-names.ts';
import { compileInputFormat, type InputRecord, LineCutter } from './line-input.ts';
import { type OutgoingRecord, Producer } from './producer.ts';
import { Progress } from './progress.ts';
import { type ClientOptions, openSession, type Session } from './session.ts';
import { type Terminal, tell } from './terminal.ts';
import { fetchTopics } from './topic-description.ts';

export interface ProduceOptions extends ClientOptions {
  readonly key?: string;
  readonly header?: readonly string[];
  readonly compression: Compression;
  readonly partition?: number;
  readonly format: string;
  readonly keyDelimiter?: string;
  readonly delimiter?: string;
  readonly tombstone?: boolean;
  readonly acks: '-1' | 'all' | '1' | '0';
  /** False under `--no-progress`. */
  readonly progress?: boolean;
  readonly maxMessageBytes: number;
}

const acksOf = { '-1': -1, all: -1, '1': 1, '0': 0 } as const;

/** Sends every record of `files`, or of stdin. The first interrupt stops reading and waits for what is under way. */
export async function produce(
  topic: string,
  files: readonly string[],
  options: ProduceOptions,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const format = compileInputFormat(delimitedFormat(options) ?? options.format);
  const shape = recordShape(topic, options);
  await using session = await openSession(options);
  const to = await target(session, topic);
  const acks = acksOf[options.acks];
  const producer = new Producer(session, { topic, ...to, acks, compression: options.compression }, batchTools());
  using interrupt = watchInterrupt();
  const progress = new Progress(terminal, () => `${producer.acknowledged} records`, options.progress !== false);
  try {
    for (const source of files.length === 0 ? [terminal.stdin] : files.map((file) => openInput(file))) {
      await pump(source, new LineCutter(format, options.maxMessageBytes), producer, shape, interrupt.signal);
    }
    await producer.finish();
  } finally {
    progress[Symbol.dispose]();
    const records = `${producer.acknowledged} record${producer.acknowledged === 1 ? '' : 's'}`;
    tell(terminal, `millrace: ${records} ${acks === 0 ? 'sent to' : 'stored in'} ${topic}`);
  }
  if (!interrupt.signal.aborted) return ExitCode.ok;
  // An unfinished read of a terminal or pipe would keep the process alive.
  terminal.stdin.destroy();
  return ExitCode.interrupted;
}

function openInput(file: string): AsyncIterable<Buffer> {
  const stream = createReadStream(file, { highWaterMark: 256 * 1024 });
  return {
    async *[Symbol.asyncIterator]() {
      try {
        yield* stream as AsyncIterable<Buffer>;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code === 'ENOENT' ? ExitCode.notFound : ExitCode.failure;
        throw new CliError(code, `${file}: ${(error as Error).message}`, { cause: error });
      }
    },
  };
}

async function pump(
  source: AsyncIterable<Buffer | string>,
  cutter: LineCutter,
  producer: Producer,
  shape: (record: InputRecord) => OutgoingRecord,
  signal: AbortSignal,
): Promise<void> {
  let cut: InputRecord[] = [];
  const sendCut = async (): Promise<void> => {
    const now = Date.now();
    for (const record of cut) {
      const waiting = producer.add(shape(record), now);
      if (waiting !== undefined) await waiting;
    }
    cut = [];
    await producer.whenIdle();
  };
  const chunks = source[Symbol.asyncIterator]();
  const stopped = new Promise<{ done: true; value: undefined }>((resolve) => {
    signal.addEventListener('abort', () => resolve({ done: true, value: undefined }), { once: true });
  });
  while (!signal.aborted) {
    const next = await Promise.race([chunks.next(), stopped]);
    if (next.done === true) break;
    const chunk = typeof next.value === 'string' ? Buffer.from(next.value) : next.value;
    cutter.push(chunk, (record) => cut.push(record));
    await sendCut();
  }
  if (signal.aborted) return;
  cutter.end((record) => cut.push(record));
  await sendCut();
}

/** How an input record becomes an outgoing one under these options. */
function recordShape(topic: string, options: ProduceOptions): (record: InputRecord) => OutgoingRecord {
  const fixedKey = options.key === undefined ? null : Buffer.from(options.key);
  const headers = (options.header ?? []).map(parseHeader);
  const partition = options.partition ?? null;
  return (record) => {
    if (record.topic !== null && record.topic !== topic)
      throw usage(`the input names topic ${record.topic}, not ${topic}`);
    const value = options.tombstone === true && record.value?.length === 0 ? null : record.value;
    return { key: fixedKey ?? record.key, value, headers, partition: partition ?? record.partition };
  };
}

function parseHeader(text: string): [string, Uint8Array] {
  const at = text.indexOf(':');
  if (at < 1) throw usage(`'${text}' is not a header: give KEY:VALUE`);
  return [text.slice(0, at), Buffer.from(text.slice(at + 1))];
}

async function target(session: Session, topic: string): Promise<{ topicId: string; partitions: number }> {
  const [found] = await fetchTopics(session, [topic]);
  check(found?.errorCode ?? 3, topic, `create it with: millrace topic create ${topic}`);
  return { topicId: found?.topicId ?? '', partitions: found?.partitions.length ?? 0 };
}
