/**
 * Every verb of the command line, in the order of the help. What its options are is declared in the declare files, what it
 * does is loaded only when it is asked for.
 *
 * Invariant: an option exists there or it is refused; and where the first word names a verb only that one is declared,
 * because declaring all costs a tenth of a start.
 */
import { Command } from 'commander';
import { version } from '../version.ts';
import type { Declare, Ended } from './declare.ts';
import { declareBench } from './declare-bench.ts';
import { declareBackup, declareProve, declareRepair, declareVerify } from './declare-checks.ts';
import { declareCluster, declareGroup } from './declare-group.ts';
import { declareCheck, declareCompletion, declareDoctor, declareDump } from './declare-local.ts';
import { declareConsume, declareProduce } from './declare-records.ts';
import { declareAcl, declareUser } from './declare-security.ts';
import { declareConfig, declareServe } from './declare-serve.ts';
import { declareTopic } from './declare-topic.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { declareKv } from './kv-declare.ts';
import type { Terminal } from './terminal.ts';

const verbs: Readonly<Record<string, Declare>> = {
  serve: declareServe,
  topic: declareTopic,
  produce: declareProduce,
  consume: declareConsume,
  group: declareGroup,
  cluster: declareCluster,
  user: declareUser,
  acl: declareAcl,
  kv: declareKv,
  dump: declareDump,
  verify: declareVerify,
  repair: declareRepair,
  backup: declareBackup,
  prove: declareProve,
  bench: declareBench,
  doctor: declareDoctor,
  check: declareCheck,
  config: declareConfig,
  completion: declareCompletion,
};

/** Parses and runs one command line on `terminal`; resolves with the exit code of its verb. Throws commander's errors. */
export async function runProgram(argv: readonly string[], terminal: Terminal): Promise<ExitCodeNumber> {
  let exitCode: ExitCodeNumber = ExitCode.ok;
  const program = buildProgram(terminal, argv[0], (code) => {
    exitCode = code;
  });
  await program.parseAsync([...argv], { from: 'user' });
  return exitCode;
}

/** The program with the verb that `only` names, or with all when it names none. */
export function buildProgram(terminal: Terminal, only: string | undefined, ended: Ended): Command {
  const program = new Command('millrace')
    .description('One journal under a durable log, and a broker that Kafka clients use.')
    .version(version, '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    });
  const asked = only !== undefined && Object.hasOwn(verbs, only) ? [verbs[only]] : Object.values(verbs);
  for (const declare of asked) declare?.(program, terminal, ended);
  return program;
}
