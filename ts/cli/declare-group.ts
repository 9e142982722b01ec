/**
 * Declares `millrace group` and `millrace cluster` with their verbs; letters are rpk's.
 *
 * Invariant: what a verb does is loaded when it is asked for, not when it is declared.
 */
import type { Command } from 'commander';
import { clientVerb, type Ended, formOption } from './declare.ts';
import { list } from './options.ts';
import type { Terminal } from './terminal.ts';

/** `millrace group`. */
export function declareGroup(program: Command, terminal: Terminal, ended: Ended): void {
  const group = program.command('group').description('list, describe, seek, delete consumer groups');
  clientVerb(group.command('list').alias('ls'))
    .description('list consumer groups')
    .option('-s, --states <state>', 'only groups in this state, such as Stable; may be repeated', list)
    .addOption(formOption())
    .action(async (options) => ended(await (await import('./group.ts')).listGroups(options, terminal)));
  clientVerb(group.command('describe').argument('<group...>'))
    .description('show state, members and the lag of each partition')
    .addOption(formOption())
    .action(async (names, options) =>
      ended(await (await import('./group.ts')).describeGroups(names, options, terminal)),
    );
  clientVerb(group.command('seek').argument('<group>'))
    .description('show what the offsets would be set to, and set them with --execute')
    .requiredOption('--to <place>', 'start, end, N, +N after the start, -N before the end, @TIME')
    .option('--topics <topic>', 'only this topic; may be repeated (default: all the group has committed)', list)
    .option('--dry-run', 'change nothing: the default')
    .option('--execute', 'change it')
    .addOption(formOption())
    .action(async (name, options) => ended(await (await import('./group-seek.ts')).seekGroup(name, options, terminal)));
  clientVerb(group.command('delete').argument('<group...>'))
    .description('delete groups without members, with all they have committed')
    .option('-y, --yes', 'do not ask')
    .addOption(formOption())
    .action(async (names, options) => ended(await (await import('./group.ts')).deleteGroups(names, options, terminal)));
  clientVerb(group.command('offset-delete').argument('<group>'))
    .description('delete what a group has committed for topics nobody in it reads')
    .requiredOption('-t, --topics <topic>', 'TOPIC, or TOPIC:0,1; may be repeated', list)
    .addOption(formOption())
    .action(async (name, options) => ended(await (await import('./group.ts')).deleteOffsets(name, options, terminal)));
}

/** `millrace cluster`. */
export function declareCluster(program: Command, terminal: Terminal, ended: Ended): void {
  const cluster = program.command('cluster').description('what a server says of itself');
  clientVerb(cluster.command('info').alias('metadata'))
    .description('cluster id, brokers, number of topics')
    .addOption(formOption())
    .action(async (options) => ended(await (await import('./cluster.ts')).clusterInfo(options, terminal)));
}
