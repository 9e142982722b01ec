/**
 * `millrace consume TOPIC...`: reads records and prints them, alone or as a member of a group.
 *
 * Invariant: a group's offsets are committed only for records that stdout has taken.
 */

import { batchTools } from '../tools.ts';
import { CliError, ExitCode, type ExitCodeNumber, usage } from './exit.ts';
import { Fetcher, type ReadPosition } from './fetcher.ts';
import { delimitedFormat } from './format-escape.ts';
import { GroupMember } from './group-member.ts';
import { watchInterrupt } from './interrupt.ts';
import { check } from './kafka-names.ts';
import { type OffsetRange, parseOffsetRange } from './offset-range.ts';
import type { CliRecord } from './record.ts';
import { compileRecordFormat } from './record-format.ts';
import { recordToJson } from './record-json.ts';
import { type ClientOptions, openSession, type Session } from './session.ts';
import { choosePartitions, resolvePositions } from './start-positions.ts';
import { DataOutput, type Terminal } from './terminal.ts';
import { fetchTopics } from './topic-description.ts';

export interface ConsumeOptions extends ClientOptions {
  readonly offset: string;
  readonly num?: number;
  readonly group?: string;
  readonly partitions?: readonly string[];
  readonly format: string;
  readonly exitAtEnd?: boolean;
  readonly json?: boolean;
  readonly prettyPrint?: boolean;
  readonly metaOnly?: boolean;
  readonly keyDelimiter?: string;
  readonly delimiter?: string;
}

/** Prints the records of `topics`. Ends at `-n`, at the end of the range, or with the first interrupt (exit code 130). */
export async function consume(
  topics: readonly string[],
  options: ConsumeOptions,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const range = wantedRange(options);
  const printer = new Printer(options, new DataOutput(terminal.stdout));
  using interrupt = watchInterrupt();
  await using session = await openSession(options);
  const fetcher = new Fetcher(session, batchTools());
  if (options.group === undefined) {
    fetcher.assign(await allPositions(session, topics, range, options.partitions));
    await readUntilDone(fetcher, printer, interrupt.signal);
  } else {
    if (options.partitions !== undefined) throw usage('-g lets the group choose partitions: leave out -p');
    await using member = await GroupMember.join(options, options.group, topics, range);
    await readAsMember(fetcher, printer, member, interrupt.signal);
  }
  return interrupt.signal.aborted ? ExitCode.interrupted : ExitCode.ok;
}

function wantedRange(options: ConsumeOptions): OffsetRange {
  const range = parseOffsetRange(options.offset, Date.now());
  return options.exitAtEnd === true && range.until === undefined ? { ...range, until: { kind: 'end' } } : range;
}

async function allPositions(
  session: Session,
  topics: readonly string[],
  range: OffsetRange,
  wanted: readonly string[] | undefined,
): Promise<ReadPosition[]> {
  const found = await fetchTopics(session, topics);
  const positions = await Promise.all(
    found.map(async (topic) => {
      const name = topic.name ?? '';
      check(topic.errorCode, name);
      const known = topic.partitions.map((partition) => partition.partitionIndex).sort((left, right) => left - right);
      return resolvePositions(session, name, choosePartitions(name, known, wanted), range);
    }),
  );
  return positions.flat();
}

async function readUntilDone(fetcher: Fetcher, printer: Printer, signal: AbortSignal): Promise<void> {
  while (fetcher.active.length > 0 && !signal.aborted) {
    const more = await fetcher.poll((record) => printer.take(record));
    await printer.flush();
    if (!more) return;
  }
}

async function readAsMember(
  fetcher: Fetcher,
  printer: Printer,
  member: GroupMember,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const positions = await member.positions(signal);
    if (signal.aborted) return;
    fetcher.assign(positions);
    if (member.isFinished()) return;
    const more = await fetcher.poll((record) => printer.take(record));
    await printer.flush();
    await member.commit(positions);
    if (!more) return;
  }
}

/** Turns records into output and counts them against `-n`. */
class Printer {
  readonly #output: DataOutput;
  readonly #most: number;
  readonly #render: (record: CliRecord, index: number, out: Uint8Array[]) => void;
  #printed = 0;

  constructor(options: ConsumeOptions, output: DataOutput) {
    this.#output = output;
    this.#most = options.num ?? Number.POSITIVE_INFINITY;
    const { metaOnly = false, prettyPrint = false } = options;
    const format = delimitedFormat(options) ?? options.format;
    if (options.json === true || format === 'json') {
      this.#render = (record, _index, out) => {
        out.push(Buffer.from(recordToJson(record, { metaOnly, pretty: prettyPrint })));
      };
    } else {
      if (metaOnly || prettyPrint) throw new CliError(ExitCode.usage, '--meta-only and --pretty-print are for JSON');
      this.#render = compileRecordFormat(format);
    }
  }

  /** Prints one record; false when it was the last of `-n`. */
  take(record: CliRecord): boolean {
    const parts: Uint8Array[] = [];
    this.#render(record, ++this.#printed, parts);
    this.#output.add(parts);
    return this.#printed < this.#most;
  }

  /** Resolves when stdout has taken everything printed so far. */
  flush(): Promise<void> {
    return this.#output.flush();
  }
}
