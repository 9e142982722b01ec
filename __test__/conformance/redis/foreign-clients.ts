/**
 * Clients of Redis in other languages, pinned by the manifests in `foreign`, installed once into `.cache/`, and the programs
 * that use them.
 *
 * Not dependencies of Millrace. To remember: what cannot be installed is a failed test, never one that is left out.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { mavenClassPath } from '../../../benches/rivals/kafka-jars.ts';

const foreign = join(import.meta.dirname, 'foreign');
const cache = join(import.meta.dirname, '../../../.cache');
const INSTALL_MS = 170_000;
const RUN_MS = 30_000;

/** Runs a command to its end; answers what it printed. Rejects with what it complained of. */
function run(
  command: string,
  args: readonly string[],
  limitMs: number,
  env: Record<string, string> = {},
): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    timeout: limitMs,
  });
  const [printed, complaints]: [string[], string[]] = [[], []];
  child.stdout.on('data', (chunk) => printed.push(String(chunk)));
  child.stderr.on('data', (chunk) => complaints.push(String(chunk)));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(printed.join(''));
      else reject(new Error(`${command} ended with ${code ?? signal}: ${printed.join('')}${complaints.join('')}`));
    });
  });
}

/** A folder or file of the cache that `files` decide, made by `make` at a path of its own unless it is there. */
async function cached(
  name: string,
  files: readonly string[],
  make: (path: string) => Promise<unknown>,
): Promise<string> {
  const sum = createHash('sha256');
  for (const file of files) sum.update(readFileSync(join(foreign, file)));
  const path = join(cache, `${name}-${sum.digest('hex').slice(0, 16)}`);
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const fresh = `${path}.${process.pid}`;
  await make(fresh);
  try {
    renameSync(fresh, path);
  } catch (error) {
    // Another run was faster.
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(path)) throw error;
  }
  return path;
}

/** Uses a server on `port` in protocol 2 or 3; answers what was printed. */
export type ForeignProgram = (port: number, protocol: number) => Promise<string>;

/** redis-py. */
export async function pythonClient(): Promise<ForeignProgram> {
  const packages = await cached('redis-py', ['python/requirements.txt'], (path) => {
    const what = [
      '--quiet',
      '--no-deps',
      '--require-hashes',
      '--target',
      path,
      '-r',
      join(foreign, 'python/requirements.txt'),
    ];
    return run('python3', ['-m', 'pip', 'install', '--disable-pip-version-check', ...what], INSTALL_MS);
  });
  const program = join(foreign, 'python/program.py');
  return (port, protocol) =>
    run('python3', ['-B', program, String(port), String(protocol)], RUN_MS, { PYTHONPATH: packages });
}

/** go-redis. */
export async function goClient(): Promise<ForeignProgram> {
  const program = await cached('go-redis', ['go/main.go', 'go/go.mod', 'go/go.sum'], (path) =>
    run('go', ['build', '-C', join(foreign, 'go'), '-o', path, '.'], INSTALL_MS, { GOFLAGS: '-mod=readonly' }),
  );
  return (port, protocol) => run(program, [String(port), String(protocol)], RUN_MS);
}

/** Jedis. */
export async function javaClient(): Promise<ForeignProgram> {
  const classPath = mavenClassPath(join(foreign, 'java/pom.xml'), 'jedis-6.2.0');
  const classes = await cached('jedis-program', ['java/JedisProgram.java', 'java/pom.xml'], (path) =>
    run('javac', ['-cp', classPath, '-d', path, join(foreign, 'java/JedisProgram.java')], INSTALL_MS),
  );
  const jvm = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${classes}:${classPath}`];
  return (port, protocol) => run('java', [...jvm, 'JedisProgram', String(port), String(protocol)], RUN_MS);
}
