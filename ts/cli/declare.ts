/**
 * What the declarations of verbs share: how one reports its end, and the options every client verb has. The verbs are in
 * declare-local.ts, declare-topic.ts and declare-records.ts; program.ts puts them together.
 *
 * Invariant: an option that several verbs have is declared here, so that it means the same everywhere.
 */
import { type Command, Option } from 'commander';
import type { ExitCodeNumber } from './exit.ts';
import { address, keyValue } from './options.ts';
import type { Terminal } from './terminal.ts';

/** Told how a verb ended. */
export type Ended = (code: ExitCodeNumber) => void;

/** Adds one verb, with its sub-verbs, to `program`. */
export type Declare = (program: Command, terminal: Terminal, ended: Ended) => void;

/** `--format text|json|wide`. */
export function formOption(): Option {
  return new Option('--format <form>', 'how to print; wide: as text, with more columns where there are any')
    .choices(['text', 'json', 'wide'])
    .default('text');
}

/** A verb that talks to a running server. */
export function clientVerb(command: Command): Command {
  return command
    .addOption(
      new Option('--brokers <host:port>', 'server to talk to (default: 127.0.0.1:9092)')
        .env('MILLRACE_BROKERS')
        .argParser(address),
    )
    .option(
      '--sasl <mechanism>',
      'how to log in: scram-sha-256 (default with a user), scram-sha-512, plain, oauthbearer',
    )
    .addOption(new Option('--token-file <path>', 'the token to log in with (oauthbearer)').env('MILLRACE_TOKEN_FILE'))
    .option('-X <key=value>', 'client setting, such as brokers=HOST:PORT; may be repeated', keyValue);
}
