/** Promises to who sits at a terminal: progress, colours, width, Ctrl-C and completion, as tmux shows them. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { commandLine, freePort } from '../support/server.ts';
import { Tmux } from '../support/tmux.ts';

vi.setConfig({ testTimeout: 120_000 });

let folder: ReturnType<typeof scratch>;
let terminal: Tmux | undefined;
beforeEach(() => {
  folder = scratch('terminal');
  const bin = join(folder.path, 'bin');
  mkdirSync(bin);
  const script = join(bin, 'millrace');
  writeFileSync(script, `#!/bin/sh\nexec '${process.execPath}' '${commandLine}' "$@"\n`);
  chmodSync(script, 0o755);
});
afterEach(() => {
  terminal?.[Symbol.dispose]();
  folder[Symbol.dispose]();
});

/** A window with a shell whose prompt is `$ `, and `millrace` on its path. */
function open(env: NodeJS.ProcessEnv = {}, { columns = 80, shell = ['bash', '--norc', '--noprofile'] } = {}): Tmux {
  const path = `${join(folder.path, 'bin')}:${process.env.PATH}`;
  terminal = new Tmux(folder.path, shell, { columns, rows: 40 }, { PS1: '$ ', PATH: path, ...env });
  return terminal;
}

describe('colours', () => {
  const GREEN = '\u001b[32m';
  it.each([
    ['are there on a terminal', {}, '', true],
    ['are left out for NO_COLOR', { NO_COLOR: '1' }, '', false],
    ['are left out when asked to', {}, ' --color never', false],
    ['are there in a pipe when forced to', { FORCE_COLOR: '1' }, ' | cat', true],
    ['are not there in a pipe', {}, ' | cat', false],
  ])('%s', async (_what, env, rest, expected) => {
    const screen = open(env);
    screen.run(`millrace doctor${rest}; echo the-end:$?`);
    await screen.shows(/^the-end:\d/m);
    expect(screen.screen({ escapes: true }).includes(`${GREEN}OK`)).toBe(expected);
  });
});

it('a long command shows its progress in one line, and wipes it', async () => {
  const screen = open();
  screen.run('millrace prove --flush always --cuts 400 | tail -n 1; echo the-end:$?');
  await screen.shows(/^the-end:0/m);
  expect(
    screen
      .screen()
      .split('\n')
      .filter((line) => /\d+ of \d+/.test(line)),
  ).toEqual([]);
});

describe('Ctrl-C', () => {
  it('ends a server cleanly, and a consumer and a bench with what they have', async () => {
    const port = await freePort();
    const server = open();
    server.run(`millrace serve --kafka 127.0.0.1:${port} --dir data; echo the-end:$?`);
    await server.shows(/^ready after/m);
    const other = join(folder.path, 'other');
    mkdirSync(other);
    const path = `${join(folder.path, 'bin')}:${process.env.PATH}`;
    using client = new Tmux(
      other,
      ['bash', '--norc', '--noprofile'],
      { columns: 100, rows: 40 },
      { PS1: '$ ', PATH: path },
    );
    client.run(
      `export MILLRACE_BROKERS=127.0.0.1:${port}; millrace topic create orders; echo one | millrace produce orders`,
    );
    client.run('clear; millrace consume orders -o start; echo consumed:$?');
    await client.shows(/"one"/);
    client.press('C-c');
    await client.shows(/^(\^C)?consumed:(0|130)$/m);
    client.run(`clear; millrace bench produce --brokers 127.0.0.1:${port} --duration 600s; echo measured:$?`);
    // Not the command line that was typed: it is there before anybody listens for Ctrl-C.
    await client.shows(/^\d+ records in \d+ s/m);
    client.press('C-c');
    await client.shows(/^(\^C)?measured:(0|130)$/m);
    server.press('C-c');
    await server.shows(/^(\^C)?the-end:0$/m);
    server.run('clear; millrace verify data; echo verified:$?');
    await server.shows(/^verified:0$/m);
  });
});

describe('completion', () => {
  it.each([
    ['bash', ['bash', '--norc', '--noprofile'], 'source <(millrace completion bash)'],
    ['zsh', ['zsh', '-f'], 'autoload -Uz compinit && compinit -u -D; source <(millrace completion zsh)'],
  ])('by %s finishes a verb, and an option of it', async (_name, shell, begin) => {
    const screen = open({}, { shell });
    screen.run(`${begin}; echo sourced:$?`);
    await screen.shows(/^sourced:0$/m);
    screen.type('millrace comp');
    screen.press('Tab');
    await screen.shows(/millrace completion/);
    screen.press('C-c');
    screen.type('millrace topic create --parti');
    screen.press('Tab');
    await screen.shows(/millrace topic create --partitions/);
  });
});
