/**
 * A terminal of a test's own: a tmux server with one window, what is typed into it, and what stands on its screen.
 *
 * Not an emulator of ours: what is looked at is what a person would see. To remember: it has a socket of its own and no
 * configuration, and it is gone, with everything that runs in it, when it is disposed of.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';

/** For a slow machine: what is waited for comes, or the test fails. */
const PATIENCE_MS = 45_000;

export class Tmux implements Disposable {
  readonly #socket: string;
  readonly #env: NodeJS.ProcessEnv;

  /**
   * Starts `shell` in a window of `columns` by `rows`, with these variables of the environment beside ours but for those
   * that decide on colours.
   */
  constructor(
    folder: string,
    shell: readonly string[],
    size: { columns: number; rows: number },
    env: NodeJS.ProcessEnv,
  ) {
    this.#socket = join(folder, 'tmux');
    // The path of a window is that of who asks for it, whatever -e says.
    const { NO_COLOR: _no, FORCE_COLOR: _force, ...inherited } = process.env;
    this.#env = { ...inherited, ...env };
    const { columns, rows } = size;
    const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    this.#tmux(['new-session', '-d', '-x', `${columns}`, '-y', `${rows}`, '-c', folder, ...variables, ...shell]);
  }

  /** Types text as it is. */
  type(text: string): void {
    this.#tmux(['send-keys', '-l', text]);
  }

  /** Presses a key by tmux's name: `Enter`, `Tab`, `C-c`. */
  press(key: string): void {
    this.#tmux(['send-keys', key]);
  }

  run(line: string): void {
    this.type(line);
    this.press('Enter');
  }

  /** The screen as text; with `escapes` its colours too. */
  screen({ escapes = false } = {}): string {
    return this.#tmux(['capture-pane', '-p', ...(escapes ? ['-e'] : [])]);
  }

  /** Waits until the screen shows `what`. */
  async shows(what: string | RegExp): Promise<void> {
    await expect.poll(() => this.screen(), { timeout: PATIENCE_MS, interval: 50 }).toMatch(what);
  }

  [Symbol.dispose](): void {
    spawnSync('tmux', ['-S', this.#socket, 'kill-server']);
  }

  #tmux(args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync('tmux', ['-S', this.#socket, '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      env: this.#env,
      timeout: PATIENCE_MS,
    });
    if (status !== 0) throw new Error(`tmux ${args[0]} ended with ${status}: ${stderr}`);
    return stdout;
  }
}
