/**
 * Packages of other people that a manifest and lock file of their own pin, installed once into `.cache/`.
 *
 * Not dependencies of Millrace. To remember: a folder is complete when its mark is there, so an installation that was
 * interrupted is done again.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = fileURLToPath(new URL('../../.cache/', import.meta.url));

/**
 * Installs what package.json and package-lock.json of a folder name, unless it is there; answers the path of the copied
 * manifest, which `createRequire` takes. Rejects with what npm complained of.
 */
export function installPinned(manifests: string, name: string): Promise<string> {
  const key = `${manifests}:${name}`;
  const running = installs.get(key) ?? install(manifests, name);
  installs.set(key, running);
  return running;
}

/** Those of this process: tests that run side by side want the same. */
const installs = new Map<string, Promise<string>>();

async function install(manifests: string, name: string): Promise<string> {
  const pinned = createHash('sha256')
    .update(readFileSync(join(manifests, 'package-lock.json')))
    .digest('hex')
    .slice(0, 16);
  const folder = join(cache, `${name}-${pinned}`);
  const entry = join(folder, 'package.json');
  if (existsSync(entry)) return entry;
  const fresh = `${folder}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(manifests, file), join(fresh, file));
  await npmCi(fresh);
  try {
    renameSync(fresh, folder);
  } catch (error) {
    // Another run was faster.
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(entry)) throw error;
  }
  return entry;
}

function npmCi(folder: string): Promise<void> {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const child = spawn('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], timeout: 110_000 });
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints += String(chunk);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`npm ci in ${folder} ended with ${code}: ${complaints}`));
    });
  });
}
