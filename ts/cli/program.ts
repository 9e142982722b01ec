/**
 * Every verb and option of the command line, declared once. What a verb does is loaded only when it is asked for.
 *
 * Invariant: an option exists here or it is refused; letters are rpk's, and where kcat's clash rpk's win.
 */
import { Command, Option } from 'commander';
import { version } from '../version.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { address, keyValue, list, wholeNumber } from './options.ts';
import type { Terminal } from './terminal.ts';

/** A parsed program, ready to run one command line. */
export interface Program {
  run(argv: readonly string[]): Promise<ExitCodeNumber>;
}

/** Declares the verbs on `terminal`. */
export function buildProgram(terminal: Terminal): Program {
  let exitCode: ExitCodeNumber = ExitCode.ok;
  const ended = (code: ExitCodeNumber): void => {
    exitCode = code;
  };
  const program = new Command('millrace')
    .description('One journal under a durable log, and a broker that Kafka clients use.')
    .version(version, '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    });
  declareServe(program, terminal, ended);
  declareTopic(program, terminal, ended);
  declareProduce(program, terminal, ended);
  declareConsume(program, terminal, ended);
  declareDump(program, terminal, ended);
  declareDoctor(program, terminal, ended);
  return {
    async run(argv) {
      await program.parseAsync([...argv], { from: 'user' });
      return exitCode;
    },
  };
}

type Ended = (code: ExitCodeNumber) => void;

function declareServe(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('serve')
    .description('serve Kafka clients from a data directory')
    .addOption(new Option('--kafka <host:port>', 'address for Kafka clients').env('MILLRACE_KAFKA').argParser(address))
    .addOption(new Option('--dir <path>', 'data directory (default: ./millrace-data)').env('MILLRACE_DIR'))
    .option('--config <file>', 'settings, as .json or .properties')
    .addOption(new Option('--flush <policy>', 'always, records=N, bytes=N, interval=T, os').env('MILLRACE_FLUSH'))
    .addOption(
      new Option('--durability <level>', 'the weakest acknowledgement of any acks: memory, written, durable')
        .choices(['memory', 'written', 'durable'])
        .env('MILLRACE_DURABILITY'),
    )
    .addOption(new Option('--driver <name>', 'how to do I/O').choices(['auto', 'ring', 'pool']).env('MILLRACE_DRIVER'))
    .option('-X <key=value>', 'a setting by its Kafka or millrace name; may be repeated', keyValue)
    .option('--check-config', 'check all settings, then end without opening anything')
    .addOption(
      new Option('--format <form>', 'json: one line on stdout when ready').choices(['text', 'json']).default('text'),
    )
    .action(async (options) => ended(await (await import('./serve.ts')).serve(options, terminal)));
}

/** A verb that talks to a running server. */
function clientVerb(command: Command): Command {
  return command
    .addOption(
      new Option('--brokers <host:port>', 'server to talk to (default: 127.0.0.1:9092)')
        .env('MILLRACE_BROKERS')
        .argParser(address),
    )
    .option('-X <key=value>', 'client setting, such as brokers=HOST:PORT; may be repeated', keyValue);
}

function declareTopic(program: Command, terminal: Terminal, ended: Ended): void {
  const topic = program.command('topic').description('create, list, describe, delete topics');
  const form = (): Option => new Option('--format <form>', 'how to print').choices(['text', 'json']).default('text');
  clientVerb(topic.command('create').argument('<topic...>'))
    .description('create topics')
    .option('-p, --partitions <n>', 'number of partitions; -1 for the server default', wholeNumber(-1, 100_000), -1)
    .option('-r, --replicas <n>', 'replication factor; -1 for the server default', wholeNumber(-1, 32_767), -1)
    .option('-c, --topic-config <key=value>', 'a topic setting; may be repeated', keyValue)
    .option('-d, --dry', 'check only, create nothing')
    .option('--if-not-exists', 'a topic that exists already is no failure')
    .addOption(form())
    .action(async (names, options) => ended(await (await import('./topic.ts')).createTopics(names, options, terminal)));
  clientVerb(topic.command('list').alias('ls'))
    .description('list topics')
    .addOption(form())
    .action(async (options) => ended(await (await import('./topic.ts')).listTopics(options, terminal)));
  clientVerb(topic.command('describe').alias('info').argument('<topic...>'))
    .description('show summary, settings and partitions (the first two unless letters say otherwise)')
    .option('-a, --print-all', 'all sections')
    .option('-s, --print-summary', 'the summary')
    .option('-c, --print-configs', 'the settings')
    .option('-p, --print-partitions', 'the partitions with their watermarks')
    .addOption(form())
    .action(async (names, options) =>
      ended(await (await import('./topic.ts')).describeTopics(names, options, terminal)),
    );
  clientVerb(topic.command('delete').argument('<topic...>'))
    .description('delete topics and all their records')
    .option('-y, --yes', 'do not ask')
    .addOption(form())
    .action(async (names, options) => ended(await (await import('./topic.ts')).deleteTopics(names, options, terminal)));
}

function declareProduce(program: Command, terminal: Terminal, ended: Ended): void {
  clientVerb(program.command('produce').argument('<topic>').argument('[file...]', 'files to read; stdin without one'))
    .description('produce records, by default one a line')
    .option('-k, --key <key>', 'key of every record')
    .option('-H, --header <k:v>', 'header of every record; may be repeated', list)
    .addOption(
      new Option('-z, --compression <codec>', 'codec')
        .choices(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        .default('none'),
    )
    .option('-p, --partition <n>', 'partition of every record', wholeNumber(0, 2_147_483_647))
    .option('-f, --format <format>', 'how the input is cut, from %k %v %p %t', '%v\\n')
    .option('-K, --key-delimiter <text>', 'the same as -f %k<text>%v\\n')
    .option('-Z, --tombstone', 'an empty value becomes null')
    .addOption(
      new Option('--acks <n>', 'what to wait for: -1 durable, 1 written, 0 nothing')
        .choices(['-1', 'all', '1', '0'])
        .default('-1'),
    )
    .option('--max-message-bytes <n>', 'largest record accepted', wholeNumber(1, 1 << 30), 1_000_000)
    .action(async (topic, files, options) =>
      ended(await (await import('./produce.ts')).produce(topic, files, options, terminal)),
    );
}

function declareConsume(program: Command, terminal: Terminal, ended: Ended): void {
  clientVerb(program.command('consume').argument('<topic...>'))
    .description('consume records')
    .option('-o, --offset <range>', 'start, end, N, +N, -N, N:M, :end, @TIME, @TIME:TIME', 'start')
    .option('-n, --num <n>', 'end after so many records', wholeNumber(1))
    .option('-g, --group <group>', 'consume as a member of this group')
    .option('-p, --partitions <n>', 'only this partition; may be repeated', list)
    .option('-f, --format <format>', 'json, or a format such as "%o %k %v\\n"', 'json')
    .option('-e, --exit-at-end', 'end where the log ends now, the same as -o RANGE:end')
    .option('-J, --json', 'the same as -f json')
    .option('--pretty-print', 'JSON over several lines')
    .option('--meta-only', 'JSON without values')
    .option('--read-committed', 'leave out records of transactions that are open or were aborted')
    .option('--print-control-records', 'print transaction markers too')
    .action(async (names, options) => ended(await (await import('./consume.ts')).consume(names, options, terminal)));
}

function declareDump(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('dump')
    .argument('<file>')
    .description('show what a journal, segment, index or manifest file holds')
    .option('--print-data', 'with payload bytes')
    .option('--from <n>', 'first entry, counted from 0', wholeNumber(0), 0)
    .option('--to <n>', 'entry to stop before', wholeNumber(1), 1_000_000)
    .addOption(new Option('--format <form>', 'how to print').choices(['text', 'json']).default('text'))
    .option('--json', 'the same as --format json')
    .action(async (file, options) => {
      const { from, to, printData = false } = options;
      const json = options.json === true || options.format === 'json';
      ended(await (await import('./dump.ts')).dump(file, { from, to, printData, json }, terminal));
    });
}

function declareDoctor(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('doctor')
    .description('check kernel, disk and limits, and say what to do')
    .addOption(new Option('--dir <path>', 'data directory').env('MILLRACE_DIR').default('./millrace-data'))
    .addOption(new Option('--format <form>', 'how to print').choices(['text', 'json']).default('text'))
    .option('--json', 'the same as --format json')
    .option('--strict', 'exit code 5 when anything is not OK')
    .option('--output-script', 'print the fixes as a shell script')
    .action(async ({ dir, format, json = false, strict = false, outputScript = false }) => {
      const options = { dir, json: json || format === 'json', strict, outputScript };
      ended(await (await import('./doctor.ts')).doctor(options, terminal));
    });
}
