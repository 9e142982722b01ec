/**
 * `millrace completion bash|zsh|fish`: a script for the shell, made from the declared verbs, so that it cannot name one
 * that does not exist. It completes verbs, sub-verbs, options, and the values of options that allow only some.
 *
 * Invariant: the script is static text; it runs nothing, and asks no server, while someone types.
 */
import type { Command } from 'commander';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { DataOutput, type Terminal } from './terminal.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

interface Node {
  /** Words from the program's name, such as `topic create`; empty for the program itself. */
  readonly path: string;
  readonly words: readonly Word[];
  /** Values by option, for those that allow only some. */
  readonly choices: ReadonlyMap<string, readonly string[]>;
}

interface Word {
  readonly text: string;
  readonly description: string;
}

/** Prints the script for `shell`. */
export async function printCompletion(program: Command, shell: Shell, terminal: Terminal): Promise<ExitCodeNumber> {
  const nodes = [...walk(program, '')];
  const script = { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](nodes);
  await new DataOutput(terminal.stdout).text(script);
  return ExitCode.ok;
}

function* walk(command: Command, path: string): Iterable<Node> {
  const verbs = command.commands.map((one) => ({ text: one.name(), description: one.description() }));
  const options = command.options.flatMap((one) => {
    return one.long === undefined && one.short === undefined
      ? []
      : [{ text: one.long ?? one.short ?? '', description: one.description }];
  });
  const choices = new Map(
    command.options.flatMap((one) => {
      const allowed = one.argChoices;
      const names = [one.long, one.short].filter((name) => name !== undefined && name !== null);
      return allowed === undefined ? [] : names.map((name) => [name, allowed] as const);
    }),
  );
  yield { path, words: [...verbs, ...options, { text: '--help', description: 'show help' }], choices };
  for (const verb of command.commands) yield* walk(verb, path === '' ? verb.name() : `${path} ${verb.name()}`);
}

/** Shell case branches that map `path` to words, and `path:option` to values. */
function branches(nodes: readonly Node[]): string {
  return nodes
    .flatMap(({ path, words, choices }) => [
      ...[...choices].map(([option, allowed]) => `    '${path}:${option}') echo '${allowed.join(' ')}';;`),
      `    '${path}:'*) echo '${words.map((word) => word.text).join(' ')}';;`,
    ])
    .join('\n');
}

function bashScript(nodes: readonly Node[]): string {
  const paths = nodes.map(({ path }) => `'${path}'`).join('|');
  return `# millrace completion for bash: source it, or put it into /etc/bash_completion.d
_millrace_words() {
  case "$1:$2" in
${branches(nodes)}
  esac
}
_millrace() {
  local verb='' word next current="\${COMP_WORDS[COMP_CWORD]}"
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
    next="\${verb:+$verb }$word"
    case "$next" in ${paths}) verb="$next";; esac
  done
  COMPREPLY=($(compgen -W "$(_millrace_words "$verb" "\${COMP_WORDS[COMP_CWORD-1]}")" -- "$current"))
}
complete -o default -F _millrace millrace
`;
}

function zshScript(nodes: readonly Node[]): string {
  return `#compdef millrace
# millrace completion for zsh: put it into a folder of fpath, or source it after compinit
autoload -U +X bashcompinit && bashcompinit
${bashScript(nodes)}`;
}

function fishScript(nodes: readonly Node[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = nodes.flatMap(({ path, words, choices }) => {
    const condition = `-n ${quote(`__millrace_at ${path}`.trim())}`;
    return words.map(({ text, description }) => {
      const values = choices.get(text);
      const what = text.startsWith('--')
        ? `-l ${text.slice(2)}`
        : text.startsWith('-')
          ? `-s ${text.slice(1)}`
          : `-a ${text}`;
      const allowed = values === undefined ? '' : ` -x -a ${quote(values.join(' '))}`;
      return `complete -c millrace ${condition} ${what}${allowed} -d ${quote(description)}`;
    });
  });
  const paths = nodes.flatMap(({ path }) => (path === '' ? [] : [quote(path)])).join(' ');
  return `# millrace completion for fish: put it into ~/.config/fish/completions/millrace.fish
function __millrace_at
  set -l path
  for word in (commandline -opc)[2..]
    set -l next (string join ' ' $path $word)
    contains -- "$next" ${paths}; and set path $path $word
  end
  test "$path" = "$argv"
end
${lines.join('\n')}
`;
}
