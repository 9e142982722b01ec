/**
 * Programs the tests need from the system's package manager: kcat, a JVM with Maven for Kafka's own tools, and
 * redis-server with its client, Chromium for the console, tmux and zsh for what a terminal shows. Only `npm test` calls this; `npm start` needs none of them.
 *
 * Invariant: a tool that is missing is installed or the run fails; no test passes because its tool was absent.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './prerequisites.mjs';

/** Command to look for, and the Debian package that has it. */
const tools = [
  { command: 'kcat', debian: 'kcat' },
  { command: 'javac', debian: 'default-jdk-headless' },
  { command: 'mvn', debian: 'maven' },
  { command: 'redis-server', debian: 'redis-server' },
  { command: 'redis-cli', debian: 'redis-tools' },
  { command: 'chromium', debian: 'chromium' },
  { command: 'tmux', debian: 'tmux' },
  { command: 'zsh', debian: 'zsh' },
];

/**
 * @param {string} command
 * @returns {boolean} whether PATH has it
 */
function isOnPath(command) {
  return (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @param {readonly string[]} args */
function aptGet(args) {
  const asRoot = process.getuid?.() === 0 ? ['apt-get'] : ['sudo', '-n', 'apt-get'];
  const [command, ...rest] = /** @type {[string, ...string[]]} */ ([...asRoot, ...args]);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command, rest, { stdio: ['ignore', 2, 2], env: environment }).status === 0;
}

/**
 * Installs what is missing with apt-get, as root or through sudo.
 * @throws {SetupError} naming what is still missing
 */
export function ensureMachineTools() {
  const missing = tools.filter((tool) => !isOnPath(tool.command));
  if (missing.length === 0) return;
  const packages = missing.map((tool) => tool.debian);
  process.stderr.write(`millrace: installing ${packages.join(', ')}\n`);
  aptGet(['update', '-q']);
  aptGet(['install', '-q', '-y', '--no-install-recommends', ...packages]);
  const still = missing.filter((tool) => !isOnPath(tool.command)).map((tool) => tool.debian);
  if (still.length > 0) throw new SetupError(`could not install ${still.join(', ')}: install with apt-get as root`);
}
