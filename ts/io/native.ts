/**
 * Finds and loads the native addon. The only file that does.
 *
 * Not the addon's types (native-types.ts). To remember: the order is explicit path, local build, platform package; the
 * first that exists is taken, and it must be of this very version and of this very boundary.
 */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../errors.ts';
import { addonFileProblem } from './addon-file.ts';
import { BOUNDARY } from './boundary.ts';
import type { NativeBinding } from './native-types.ts';

const require = createRequire(import.meta.url);

/** Overrides where the addon is looked for. */
export const NATIVE_PATH_VARIABLE = 'MILLRACE_NATIVE_PATH';

/** The C library this process runs on. */
export type LibC = 'gnu' | 'musl';

/**
 * Tells musl from glibc by what this very process has mapped: names of installed files would not tell. musl's loader is its
 * C library; Alpine has it as `ld-musl-*`, Debian as `libc.so`, which the former name links to. glibc's is `libc.so.6`.
 */
export function detectLibC(maps: string = readFileSync('/proc/self/maps', 'utf8')): LibC {
  return /\/ld-musl-|\/libc\.so$/m.test(maps) ? 'musl' : 'gnu';
}

/** `linux-x64-gnu` and the like: names the local build and the platform package. */
export function platformName(libC: LibC = detectLibC()): string {
  return `${process.platform}-${process.arch}-${libC}`;
}

/** The package that carries the addon for this platform. */
export function platformPackage(platform: string): string {
  return `millrace-${platform}`;
}

/** The folder of our package.json: two levels up from ts/io and from dist/io alike. */
function packageRoot(): string {
  return join(dirname(fileURLToPath(import.meta.url)), '..', '..');
}

function packageVersion(): string {
  const parsed = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return parsed.version;
}

/** Where to look, best first. */
function candidates(platform: string): string[] {
  const explicit = process.env[NATIVE_PATH_VARIABLE];
  if (explicit !== undefined && explicit !== '') return [explicit];
  const local = join(packageRoot(), `millrace.${platform}.node`);
  return existsSync(local) ? [local] : [platformPackage(platform)];
}

let loaded: NativeBinding | undefined;

/** The addon. Throws MILLRACE_NATIVE_MISSING or MILLRACE_NATIVE_VERSION with everything one needs to repair it. */
export function loadNative(): NativeBinding {
  if (loaded) return loaded;
  if (process.platform !== 'linux') {
    throw new MillraceError('MILLRACE_NATIVE_MISSING', `there is none for ${process.platform}, only for Linux`);
  }
  const libC = detectLibC();
  const platform = platformName(libC);
  const [source = platformPackage(platform)] = candidates(platform);
  let binding: NativeBinding;
  try {
    const file = require.resolve(source);
    const problem = file.endsWith('.node') ? addonFileProblem(file) : undefined;
    if (problem !== undefined) throw new Error(problem);
    binding = require(file) as NativeBinding;
    // Node takes a file of any other name for a script.
    if (typeof binding.version !== 'function') throw new Error('it is no addon of millrace');
  } catch (cause) {
    // Node's words about a module that is not there go on with who asked for it.
    const [why] = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1);
    const reason = `${source} cannot be loaded on ${process.arch} with ${libC === 'gnu' ? 'glibc' : 'musl'}: ${why}`;
    throw new MillraceError('MILLRACE_NATIVE_MISSING', reason, { cause, path: source });
  }
  const [ours, theirs] = [packageVersion(), binding.version()];
  if (ours !== theirs) {
    throw new MillraceError('MILLRACE_NATIVE_VERSION', `millrace is ${ours}, ${source} is ${theirs}`, { path: source });
  }
  // The same version built from other sources: layouts may differ, and whoever waits for a row that is never written hangs.
  const built = typeof binding.boundary === 'function' ? binding.boundary() : 'none';
  if (built !== BOUNDARY) {
    const reason = `${source} was built from other sources (its boundary is ${built}, ours ${BOUNDARY})`;
    throw new MillraceError('MILLRACE_NATIVE_VERSION', reason, { path: source });
  }
  loaded = binding;
  return binding;
}
