/**
 * Declares `millrace serve`, and `millrace config`, which shows what serve would do: both have the same settings.
 *
 * Invariant: a flag that decides a setting is declared here once, for both.
 */
import { type Command, Option } from 'commander';
import { policyNames } from '../redis/eviction/policies.ts';
import { clientVerb, type Ended, formOption } from './declare.ts';
import { address, keyValue, list } from './options.ts';
import type { Terminal } from './terminal.ts';

/** The flags that decide settings. */
function withSettings(command: Command): Command {
  return command
    .addOption(new Option('--kafka <host:port>', 'address for Kafka clients').env('MILLRACE_KAFKA').argParser(address))
    .addOption(new Option('--redis <host:port>', 'address for Redis clients').env('MILLRACE_REDIS').argParser(address))
    .addOption(
      new Option('--redis-maxmemory <size>', 'what Redis clients may store, such as 2gb (default: no limit)').env(
        'MILLRACE_REDIS_MAXMEMORY',
      ),
    )
    .addOption(
      new Option('--redis-maxmemory-policy <name>', 'which keys go when there is more (default: noeviction)')
        .choices(policyNames)
        .env('MILLRACE_REDIS_MAXMEMORY_POLICY'),
    )
    .addOption(
      new Option('--backup-dir <path>', 'where `millrace backup --redis` on this machine may put copies').env(
        'MILLRACE_BACKUP_DIR',
      ),
    )
    .addOption(new Option('--dir <path>', 'data directory (default: ./millrace-data)').env('MILLRACE_DIR'))
    .option('--config <file>', 'settings, as .yaml, .json, .properties or redis.conf')
    .addOption(
      new Option('--mode <name>', 'dev: as for trying out, flushed by the system only; prod: the defaults')
        .choices(['dev', 'prod'])
        .env('MILLRACE_MODE'),
    )
    .addOption(new Option('--flush <policy>', 'always, records=N, bytes=N, interval=T, os').env('MILLRACE_FLUSH'))
    .addOption(
      new Option('--durability <level>', 'the weakest acknowledgement of any acks: memory, written, durable')
        .choices(['memory', 'written', 'durable'])
        .env('MILLRACE_DURABILITY'),
    )
    .addOption(new Option('--driver <name>', 'how to do I/O').choices(['auto', 'ring', 'pool']).env('MILLRACE_DRIVER'))
    .addOption(
      new Option('--sockets <name>', 'what carries connections')
        .choices(['auto', 'ring', 'node'])
        .env('MILLRACE_SOCKETS'),
    )
    .addOption(
      new Option(
        '--http [host:port]',
        'serve metrics, health and the console by HTTP (127.0.0.1:9644 when no address is given)',
      )
        .env('MILLRACE_HTTP')
        .preset('127.0.0.1:9644')
        .argParser(address),
    )
    .option('--console-write', 'let the console at /console of --http change things (default: it only reads)')
    .addOption(
      new Option('--kafka-tls <host:port>', 'address for Kafka clients that speak TLS')
        .env('MILLRACE_KAFKA_TLS')
        .argParser(address),
    )
    .addOption(
      new Option('--redis-tls <host:port>', 'address for Redis clients that speak TLS')
        .env('MILLRACE_REDIS_TLS')
        .argParser(address),
    )
    .addOption(new Option('--tls-cert <file>', 'certificate as PEM; read again on SIGHUP').env('MILLRACE_TLS_CERT'))
    .addOption(new Option('--tls-key <file>', 'its private key as PEM').env('MILLRACE_TLS_KEY'))
    .addOption(
      new Option('--tls-ca <file>', 'authorities as PEM; clients have to show a certificate of theirs').env(
        'MILLRACE_TLS_CA',
      ),
    )
    .addOption(
      new Option('--auth <how>', 'sasl: Kafka clients have to log in as a user of `millrace user`')
        .choices(['none', 'sasl'])
        .env('MILLRACE_AUTH'),
    )
    .option('--acls', 'nothing may be done that no rule of `millrace acl` allows, but by super.users')
    .option('--insecure', 'let other machines reach addresses without TLS or login')
    .option('--memory <size>', 'for unsettled data and hot reads, such as 512mb (default: 256mb)')
    .option('-X <key=value>', 'a setting by its Kafka or millrace name; may be repeated', keyValue);
}

/** `millrace serve`. */
export function declareServe(program: Command, terminal: Terminal, ended: Ended): void {
  withSettings(program.command('serve').description('serve Kafka and Redis clients from a data directory'))
    .option('--check-config', 'check all settings, then end without opening anything')
    .addOption(
      new Option('--log-format <form>', 'json: what it says to people as lines of JSON')
        .choices(['text', 'json'])
        .default('text')
        .env('MILLRACE_LOG_FORMAT'),
    )
    .addOption(
      new Option('--format <form>', 'json: one line on stdout when ready').choices(['text', 'json']).default('text'),
    )
    .action(async (options) => ended(await (await import('./serve.ts')).serve(options, terminal)));
}

/** `millrace config`. */
export function declareConfig(program: Command, terminal: Terminal, ended: Ended): void {
  const config = program.command('config').description('show settings, and alter those of a running server');
  withSettings(config.command('print').description('show what serve would decide, and where each value comes from'))
    .option('--changed', 'only what is not the default')
    .addOption(formOption())
    .action(async (options, command: Command) => {
      const flagSource = (name: string): string | undefined => command.getOptionValueSource(name);
      ended(await (await import('./config.ts')).printConfig({ ...options, flagSource }, terminal));
    });
  clientVerb(config.command('diff'))
    .argument('<file>', 'settings, as .yaml, .json, .properties or redis.conf')
    .argument('[other]', 'settings to compare with; without, what is in force on a running server')
    .description(
      'show how what serve would decide differs between two settings files, or from a server; ends with 1 then',
    )
    .addOption(formOption())
    .action(async (file, other, options) => {
      const { diffConfig, diffServer } = await import('./config-diff.ts');
      ended(
        await (other === undefined ? diffServer(file, options, terminal) : diffConfig(file, other, options, terminal)),
      );
    });
  clientVerb(config.command('set'))
    .argument('[key=value...]')
    .description('alter settings of a running server, for good')
    .option('-d, --delete <key>', 'fall back to what the server was started with; may be repeated', list)
    .option('--dry', 'check only, change nothing')
    .addOption(formOption())
    .action(async (pairs, options) =>
      ended(await (await import('./config-set.ts')).setConfig(pairs, options, terminal)),
    );
  config
    .command('describe')
    .argument('[name...]')
    .description('say what settings mean: type, default, effect')
    .addOption(formOption())
    .action(async (names, options) =>
      ended(await (await import('./config.ts')).describeConfig(names, options, terminal)),
    );
}
