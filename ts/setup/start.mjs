/**
 * `npm start`: set-up where it is missing, then `millrace serve` in this same process, with the arguments given;
 * without any it serves Kafka and Redis.
 * It is not part of the package: an installed millrace has its binary and its JavaScript already.
 *
 * Invariant: when nothing is stale this costs a few milliseconds and starts no other process.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { withDefaultListeners } from './default-listeners.mjs';
import { prepare } from './prepare.mjs';
import { SetupError } from './prerequisites.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** @returns {Promise<void>} */
async function start() {
  try {
    prepare(root);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`millrace: ${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  const { main } = await import(pathToFileURL(join(root, 'dist/cli/main.js')).href);
  await main(['serve', ...(await withDefaultListeners(process.argv.slice(2)))]);
}

await start();
