/**
 * Loads a CommonJS file with the code that V8 compiled for it at an earlier start: sooner than by Node's own compile cache,
 * which the lines from 22.8 on have. Not a module loader: the file has no relative requires but those of its own folder.
 *
 * Invariant: what is kept is used only when it is of these very bytes, this Node, and whole by a checksum, since V8
 * checks little more than the length of the source; and only from a folder that nobody else may write to.
 */
import { isAscii } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Module } from 'node:module';
import { dirname, join } from 'node:path';
import { constants, Script } from 'node:vm';

/** SHA-256, which stands before the code. */
const digestBytes = 32;
/** A start is over by then, and what it needed is compiled. */
const settledMs = 2_000;

const before = Buffer.from('(function (exports, require, module, __filename, __dirname) {');
const after = Buffer.from('\n})');

/** Where compiled code is kept, and for which kind of start: a server needs other functions than a verb that asks one. */
export interface KeptCode {
  readonly folder: string;
  readonly kind: string;
  /** Whether a process that ends sooner has needed all that its kind needs. */
  readonly short: boolean;
}

/**
 * Runs `file`, absolute, and gives what it exports; `require` is of its folder. Without code that fits, it is compiled, and
 * kept two seconds later, or at the end of a short process. No failure to read or keep compiled code is an error.
 */
export function requireCompiled(file: string, kept: KeptCode, require: NodeJS.Require): unknown {
  const source = readFileSync(file);
  const group = `${kept.kind}-${process.version}-${process.arch}-`;
  const place = join(kept.folder, `${group}${createHash('sha256').update(source).digest('hex').slice(0, 32)}.v8`);
  const cachedData = isOurs(kept.folder) ? readKept(place) : undefined;
  const script = new Script(wrapped(source), {
    filename: file,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData && { cachedData }),
  });
  if (!cachedData || script.cachedDataRejected) keepLater(() => keepNow(script, kept.folder, group, place), kept.short);
  const module = new Module(file);
  require.cache[file] = module;
  script.runInThisContext().call(module.exports, module.exports, require, module, file, dirname(file));
  module.loaded = true;
  return module.exports;
}

/** The file as a function of what a CommonJS module is given; ASCII, which bundles are, is read twice as fast as such. */
function wrapped(source: Buffer): string {
  const whole = Buffer.concat([before, source, after]);
  return whole.toString(isAscii(whole) ? 'latin1' : 'utf8');
}

/** Whether a folder is of the user who runs this, who alone may write to it. */
function isOurs(folder: string): boolean {
  try {
    const found = statSync(folder);
    return found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

/** Compiled code, when the file is there and whole. */
function readKept(place: string): Buffer | undefined {
  try {
    const bytes = readFileSync(place);
    const code = bytes.subarray(digestBytes);
    return createHash('sha256').update(code).digest().equals(bytes.subarray(0, digestBytes)) ? code : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps code once the start is over, or a short process is. */
function keepLater(keep: () => void, short: boolean): void {
  const once = (): void => {
    clearTimeout(timer);
    process.off('exit', once);
    try {
      keep();
    } catch {
      // Read-only, full, or somebody else's: the next start compiles as this one did.
    }
  };
  const timer = setTimeout(once, settledMs);
  timer.unref();
  if (short) process.on('exit', once);
}

/** Writes the code under its name in one step, and removes that of other builds for this Node and kind. */
function keepNow(script: Script, folder: string, group: string, place: string): void {
  if (!isOurs(folder)) return;
  const code = script.createCachedData();
  const draft = `${place}.${process.pid}`;
  try {
    writeFileSync(draft, Buffer.concat([createHash('sha256').update(code).digest(), code]), { mode: 0o600 });
    for (const name of readdirSync(folder)) {
      if (name.startsWith(group) && name.endsWith('.v8')) rmSync(join(folder, name), { force: true });
    }
    renameSync(draft, place);
  } finally {
    rmSync(draft, { force: true });
  }
}
