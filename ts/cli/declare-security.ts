/**
 * Declares `millrace user` and `millrace acl`; letters of the second are rpk's.
 *
 * Invariant: what a verb does is loaded when it is asked for, not when it is declared; no option takes a password.
 */
import { type Command, Option } from 'commander';
import { ITERATIONS_MAX, ITERATIONS_MIN } from '../broker/security/scram.ts';
import { clientVerb, type Ended, formOption } from './declare.ts';
import { list, wholeNumber } from './options.ts';
import type { Terminal } from './terminal.ts';

/** A verb at a server, or in a directory that no server has open. */
function adminVerb(command: Command): Command {
  return clientVerb(command).option('--dir <path>', 'a data directory that no server has open, instead of a server');
}

function passwordVerb(command: Command): Command {
  return adminVerb(command)
    .option('--password-file <path>', 'where the password stands, - for stdin; asked for when there is a terminal')
    .addOption(
      new Option('--mechanism <name>', 'what the user can log in by; PLAIN works with any')
        .choices(['SCRAM-SHA-256', 'SCRAM-SHA-512', 'both'])
        .default('both'),
    )
    .option(
      '--iterations <n>',
      'rounds of the salted password',
      wholeNumber(ITERATIONS_MIN, ITERATIONS_MAX),
      ITERATIONS_MIN,
    )
    .addOption(formOption());
}

/** `millrace user`. */
export function declareUser(program: Command, terminal: Terminal, ended: Ended): void {
  const user = program.command('user').description('add, list, change and delete users that can log in');
  passwordVerb(user.command('add').argument('<name>').description('add a user')).action(async (name, options) =>
    ended(await (await import('./user.ts')).addUser(name, options, terminal)),
  );
  passwordVerb(user.command('passwd').argument('<name>').description('give a user another password')).action(
    async (name, options) => ended(await (await import('./user.ts')).changePassword(name, options, terminal)),
  );
  adminVerb(user.command('list').alias('ls').description('list users'))
    .addOption(formOption())
    .action(async (options) => ended(await (await import('./user.ts')).listUsers(options, terminal)));
  adminVerb(user.command('delete').argument('<name...>').description('delete users'))
    .addOption(formOption())
    .action(async (names, options) => ended(await (await import('./user.ts')).deleteUsers(names, options, terminal)));
}

function aclVerb(command: Command): Command {
  return adminVerb(command)
    .option('--allow-principal <name>', 'who is allowed: User:NAME, NAME, or * for everybody; may be repeated', list)
    .option('--deny-principal <name>', 'who is denied; may be repeated', list)
    .option('--allow-host <address>', 'from where it is allowed (default: everywhere); may be repeated', list)
    .option('--deny-host <address>', 'from where it is denied; may be repeated', list)
    .option('--operation <name>', 'read, write, create, delete, alter, describe, all...; may be repeated', list)
    .option('--topic <name>', 'a topic, * for all; may be repeated', list)
    .option('--group <name>', 'a group; may be repeated', list)
    .option('--transactional-id <id>', 'a transactional id; may be repeated', list)
    .option('--cluster', 'the cluster')
    .addOption(
      new Option('--resource-pattern-type <how>', 'what names mean')
        .choices(['literal', 'prefixed'])
        .default('literal'),
    )
    .addOption(formOption());
}

/** `millrace acl`. */
export function declareAcl(program: Command, terminal: Terminal, ended: Ended): void {
  const acl = program.command('acl').description('create, list and delete access rules');
  aclVerb(acl.command('create').description('allow or deny operations on resources')).action(async (options) =>
    ended(await (await import('./acl.ts')).createAcls(options, terminal)),
  );
  aclVerb(acl.command('list').alias('ls').description('list rules; all of them when nothing is named')).action(
    async (options) => ended(await (await import('./acl.ts')).listAcls(options, terminal)),
  );
  aclVerb(acl.command('delete').description('delete the rules that the options mean'))
    .option('-y, --yes', 'do not ask')
    .action(async (options) => ended(await (await import('./acl.ts')).deleteAcls(options, terminal)));
}
