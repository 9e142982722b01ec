/**
 * Declares `millrace bench` and what it measures: produce, consume, e2e, kv, disk, flush.
 *
 * Invariant: what a verb does is loaded when it is asked for, not when it is declared.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../units.ts';
import type { LogBenchOptions, Workload } from './bench/workload.ts';
import { clientVerb, type Ended, formOption } from './declare.ts';
import { address, wholeNumber } from './options.ts';
import type { Terminal } from './terminal.ts';

/** What every bench has. */
function benchVerb(command: Command, size: number): Command {
  return command
    .option('--rate <n>', 'records a second, evenly spaced, whatever comes back (default: as many as come back)', rate)
    .option('--duration <time>', 'how long is measured', duration, 10_000)
    .option('--warm-up <time>', 'how long before that', duration, 2000)
    .addOption(
      new Option('--size <bytes>', 'bytes of a value or block').default(size).argParser(wholeNumber(1, 1 << 24)),
    )
    .option('--hdr <file>', "write latencies for HdrHistogram's plotter")
    .option('--compare <file>', 'show them beside an earlier run, from --json')
    .option('--no-progress', 'no progress line')
    .addOption(formOption())
    .option('--json', 'the same as --format json');
}

/** A bench with several callers. */
function callersVerb(command: Command, clients: number): Command {
  return command
    .option(
      '--clients <n>',
      'callers: connections, or calls under way in this process',
      wholeNumber(1, 10_000),
      clients,
    )
    .option('--in-flight <n>', 'operations each has under way, without --rate', wholeNumber(1, 10_000), 1);
}

function embeddedVerb(command: Command): Command {
  return command
    .option('--dir <path>', 'measure a log or store in this process instead, in a directory made for it inside PATH')
    .option('--flush <policy>', 'with --dir: always, os, or records=N,bytes=N,interval=T', 'always')
    .addOption(
      new Option('--durability <level>', 'with --dir: what every write waits for')
        .choices(['memory', 'written', 'durable'])
        .default('durable'),
    );
}

/** A bench of a log: against a Kafka server, or with `--dir` in this process. */
function logVerb(command: Command): Command {
  return embeddedVerb(callersVerb(clientVerb(benchVerb(command, 100)), 4))
    .option('--topic <name>', 'a topic that is there already (default: one that is made and deleted)')
    .option('-p, --partitions <n>', 'partitions of the topic that is made', wholeNumber(1, 10_000), 4)
    .option('--batch <n>', 'records of a request', wholeNumber(1, 1_000_000), 1)
    .addOption(
      new Option('--acks <n>', 'what a request waits for: -1 durable, 1 written, 0 nothing')
        .choices(['-1', 'all', '1', '0'])
        .default('-1'),
    )
    .addOption(
      new Option('-z, --compression <codec>', 'codec')
        .choices(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        .default('none'),
    );
}

/** `millrace bench`. */
export function declareBench(program: Command, terminal: Terminal, ended: Ended): void {
  const bench = program.command('bench').description('measure a server, this machine, or a log or store on it');
  declareLogBenches(bench, terminal, ended);
  benchKv(bench, terminal, ended);
  declareDiskBenches(bench, terminal, ended);
}

function declareLogBenches(bench: Command, terminal: Terminal, ended: Ended): void {
  logVerb(bench.command('produce').description('requests that store records')).action(async (options) => {
    await run('produce', options, terminal, ended, async () => {
      if (options.dir !== undefined) return (await import('./bench/embedded.ts')).produceEmbedded(options);
      return (await import('./bench/server-log.ts')).produceToServer(options);
    });
  });
  logVerb(bench.command('consume').description('requests that fetch records, from the beginning to the end and again'))
    .option('--records <n>', 'records that are stored first, without --topic', wholeNumber(1, 1e9), 100_000)
    .action(async (options) => {
      await run('consume', options, terminal, ended, async () => {
        if (options.dir !== undefined) return (await import('./bench/embedded.ts')).consumeEmbedded(options);
        return (await import('./bench/server-log.ts')).consumeFromServer(options);
      });
    });
  logVerb(
    bench.command('e2e').description('records from the call that stores them to the consumer that has them'),
  ).action(async (options) => {
    await run('e2e', options, terminal, ended, () => endToEnd(options));
  });
}

async function endToEnd(options: LogBenchOptions): Promise<Workload> {
  const { usage } = await import('./exit.ts');
  if (options.size < 8) throw usage('--size must be at least 8: each record carries a mark');
  if (options.dir !== undefined) return (await import('./bench/embedded.ts')).endToEndEmbedded(options);
  return (await import('./bench/server-log.ts')).endToEndOverServer(options);
}

function benchKv(bench: Command, terminal: Terminal, ended: Ended): void {
  embeddedVerb(
    callersVerb(
      benchVerb(bench.command('kv').description('GET and SET of a Redis server, get and put with --dir'), 100),
      50,
    ),
  )
    .addOption(
      new Option('--redis <host:port>', 'server to talk to; its password from REDISCLI_AUTH')
        .default({ host: '127.0.0.1', port: 6379 }, '127.0.0.1:6379')
        .argParser(address),
    )
    .option('--keys <n>', 'keys, all of them set first', wholeNumber(1, 100_000_000), 10_000)
    .option('--reads <percent>', 'share of operations that read', wholeNumber(0, 100), 50)
    .action(async (options) => {
      await run('kv', options, terminal, ended, async () => {
        if (options.dir !== undefined) return (await import('./bench/embedded.ts')).kvEmbedded(options);
        return (await import('./bench/redis-server.ts')).kvOverRedis(options);
      });
    });
}

function declareDiskBenches(bench: Command, terminal: Terminal, ended: Ended): void {
  const place = ['--dir <path>', 'a directory for the scratch file is made inside PATH', '.'] as const;
  callersVerb(benchVerb(bench.command('disk').description('direct blocks of the device'), 1024 * 1024), 1)
    .option(...place)
    .option('--reads <percent>', 'share of blocks that are read', wholeNumber(0, 100), 0)
    .action(async (options) => {
      await run('disk', options, terminal, ended, async () => (await import('./bench/disk.ts')).diskBench(options));
    });
  benchVerb(bench.command('flush').description('a block and a flush of the device, one at a time'), 4096)
    .option(...place)
    .action(async (given) => {
      const options = { ...given, clients: 1, inFlight: 1 };
      await run('flush', options, terminal, ended, async () => (await import('./bench/disk.ts')).flushBench(options));
    });
}

async function run(
  name: string,
  options: LogBenchOptions & { duration: number; warmUp: number; json?: boolean; format: string; progress?: boolean },
  terminal: Terminal,
  ended: Ended,
  prepare: () => Promise<Workload>,
): Promise<void> {
  const { duration: durationMs, warmUp: warmUpMs, json = false, format, progress = true } = options;
  const more = { durationMs, warmUpMs, json: json || format === 'json', progress };
  ended(await (await import('./bench/bench.ts')).bench(name, { ...options, ...more }, prepare, terminal));
}

function duration(text: string): number {
  try {
    return parseDuration('the time', text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function rate(text: string): number {
  const value = Number(text);
  if (!(value > 0) || value > 1e9) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}
