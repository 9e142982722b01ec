/** HELP of every container: written from the table, so it names what is here and nothing else. */

import type { Command } from '../command.ts';

/** The command with a HELP, when it has subcommands. */
export function withHelp(command: Command): Command {
  const { subcommands } = command;
  if (subcommands === undefined) return command;
  const title = `${command.name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`;
  const help: Command = {
    name: 'help',
    arity: 2,
    flags: ['loading', 'stale'],
    group: command.group,
    since: '5.0.0',
    summary: 'Returns helpful text about the subcommands.',
    note: 'of those that are here',
    run: ({ reply }) => {
      const lines = [title];
      for (const { name, summary } of [...subcommands, { name: 'help', summary: 'Print this help.' }]) {
        lines.push(name.toUpperCase(), `    ${summary}`);
      }
      reply.array(lines.length);
      for (const line of lines) reply.simple(line);
    },
  };
  return { ...command, subcommands: [...subcommands, help] };
}
