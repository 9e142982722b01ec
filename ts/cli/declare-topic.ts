/**
 * Declares `millrace topic` and its verbs; letters are rpk's.
 *
 * Invariant: what a verb does is loaded when it is asked for, not when it is declared.
 */
import type { Command } from 'commander';
import { clientVerb, type Ended, formOption } from './declare.ts';
import { keyValue, list, wholeNumber } from './options.ts';
import type { Terminal } from './terminal.ts';

/** `millrace topic`. */
export function declareTopic(program: Command, terminal: Terminal, ended: Ended): void {
  const topic = program.command('topic').description('create, list, describe, change, trim, delete topics');
  clientVerb(topic.command('create').argument('<topic...>'))
    .description('create topics')
    .option('-p, --partitions <n>', 'number of partitions; -1 for the server default', wholeNumber(-1, 100_000), -1)
    .option('-r, --replicas <n>', 'replication factor; -1 for the server default', wholeNumber(-1, 32_767), -1)
    .option('-c, --topic-config <key=value>', 'a topic setting; may be repeated', keyValue)
    .option('-d, --dry', 'check only, create nothing')
    .option('--if-not-exists', 'a topic that exists already is no failure')
    .addOption(formOption())
    .action(async (names, options) => ended(await (await import('./topic.ts')).createTopics(names, options, terminal)));
  clientVerb(topic.command('list').alias('ls'))
    .description('list topics')
    .addOption(formOption())
    .action(async (options) => ended(await (await import('./topic.ts')).listTopics(options, terminal)));
  clientVerb(topic.command('describe').alias('info').argument('<topic...>'))
    .description('show summary and settings; letters choose what else')
    .option('-a, --print-all', 'all sections')
    .option('-s, --print-summary', 'the summary')
    .option('-c, --print-configs', 'the settings')
    .option('-p, --print-partitions', 'the partitions with their watermarks')
    .option('--stable', "taken as rpk's: the last stable offset is always shown")
    .addOption(formOption())
    .action(async (names, options) =>
      ended(await (await import('./topic.ts')).describeTopics(names, options, terminal)),
    );
  clientVerb(topic.command('delete').argument('<topic...>'))
    .description('delete topics and all their records')
    .option('-y, --yes', 'do not ask')
    .addOption(formOption())
    .action(async (names, options) => ended(await (await import('./topic.ts')).deleteTopics(names, options, terminal)));
  clientVerb(topic.command('storage').alias('describe-storage').argument('[topic...]'))
    .description('show what partitions occupy in the data directory, and how much room there is')
    .addOption(formOption())
    .action(async (names, options) =>
      ended(await (await import('./topic-storage.ts')).topicStorage(names, options, terminal)),
    );
  declareTopicChanges(topic, terminal, ended);
}

function declareTopicChanges(topic: Command, terminal: Terminal, ended: Ended): void {
  clientVerb(topic.command('add-partitions').argument('<topic...>'))
    .description('give topics more partitions')
    .requiredOption('-n, --num <n>', 'how many more', wholeNumber(1, 100_000))
    .option('-d, --dry', 'check only, change nothing')
    .addOption(formOption())
    .action(async (names, options) =>
      ended(await (await import('./topic-changes.ts')).addPartitions(names, options, terminal)),
    );
  clientVerb(topic.command('alter-config').alias('alter').argument('<topic...>'))
    .description('change settings of topics')
    .option('-s, --set <key=value>', 'set; may be repeated', keyValue)
    .option('--append <key=value>', 'add an item to a list; may be repeated', keyValue)
    .option('--subtract <key=value>', 'take an item from a list; may be repeated', keyValue)
    .option('-d, --delete <key>', 'fall back to the server’s value; may be repeated', list)
    .option('--dry', 'check only, change nothing')
    .addOption(formOption())
    .action(async (names, options) =>
      ended(await (await import('./topic-changes.ts')).alterConfig(names, options, terminal)),
    );
  clientVerb(topic.command('trim-prefix').alias('trim').argument('<topic>'))
    .description('delete the records before an offset')
    .requiredOption('-o, --offset <place>', 'where the log is to begin: N, end, @TIME')
    .option('-p, --partitions <n>', 'only this partition; may be repeated', list)
    .option('-y, --yes', 'do not ask')
    .addOption(formOption())
    .action(async (name, options) =>
      ended(await (await import('./topic-changes.ts')).trimPrefix(name, options, terminal)),
    );
}
