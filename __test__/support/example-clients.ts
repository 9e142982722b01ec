/**
 * The folder that `cd examples/clients && npm run setup` leaves: packages of other people, and `millrace` as this repository.
 *
 * Not the examples themselves. To remember: several test files prepare it at the same time, so nothing is removed from it.
 */
import { existsSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPinned } from './pinned-packages.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Installs what is not there yet, which may take two minutes; answers the folder. */
export async function exampleClients(): Promise<string> {
  const folder = dirname(await installPinned(join(root, 'examples/clients'), 'example-clients'));
  const own = join(folder, 'node_modules/millrace');
  try {
    if (!existsSync(own)) symlinkSync(root, own);
  } catch (error) {
    // Another test file was faster.
    if (!existsSync(own)) throw error;
  }
  return folder;
}
