/**
 * Two commits against each other in one run: the micro benches of this working tree on the sources of either, in turn. What
 * became slower by more than the limit is reported, and the exit code is 1 then.
 *
 * Invariant: both commits are measured by the same benches, alternating; a figure from another run is never used.
 *
 * ```
 * npx tsx benches/compare.ts [BASE=HEAD~1] [HEAD] [--rounds 5] [--limit 15] [--ms 200] [--only TEXT] [--json FILE]
 * ```
 *
 * `--only` takes works whose name has that text. The addon of a commit is this tree's where its Rust is the same; otherwise it
 * is built (release, minutes) and kept in .cache/compare.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { changesOf, describeChanges, type Timings } from './comparison.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(root, '.cache/compare');
const ADDON = `millrace.linux-${process.arch}-gnu.node`;
/** What an addon is built of. */
const RUST = ['crates', 'Cargo.toml', 'Cargo.lock'] as const;
const text = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { ...text, default: '5' },
    limit: { ...text, default: '15' },
    ms: { ...text, default: '200' },
    only: text,
    json: text,
  },
});
const [base = 'HEAD~1', head = 'HEAD'] = positionals;
const [rounds, limit] = [Number(values.rounds), Number(values.limit)];

interface Commit {
  /** As it was given. */
  readonly name: string;
  readonly directory: string;
}

function run(directory: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  return execFileSync(command, args, {
    cwd: directory,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** The commit in a working tree of its own, with the micro benches of this one. */
function prepare(name: string): Commit {
  const sha = run(root, 'git', ['rev-parse', '--verify', `${name}^{commit}`]).trim();
  const directory = join(cache, sha.slice(0, 12));
  remove({ name, directory });
  run(root, 'git', ['worktree', 'add', '--force', '--detach', directory, sha]);
  rmSync(join(directory, 'benches/micro'), { recursive: true, force: true });
  cpSync(join(root, 'benches/micro'), join(directory, 'benches/micro'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  copyFileSync(addonOf(sha, directory), join(directory, ADDON));
  return { name, directory };
}

function addonOf(sha: string, directory: string): string {
  const own = join(root, ADDON);
  const isSame = spawnSync('git', ['diff', '--quiet', sha, '--', ...RUST], { cwd: root }).status === 0;
  if (isSame && existsSync(own)) return own;
  const key = run(root, 'git', ['rev-parse', ...RUST.map((path) => `${sha}:${path}`)])
    .trim()
    .split('\n')
    .map((id) => id.slice(0, 8))
    .join('-');
  const kept = join(cache, `${key}.node`);
  if (!existsSync(kept)) {
    process.stderr.write(`building the addon of ${sha.slice(0, 12)}\n`);
    run(directory, 'npm', ['run', '--silent', 'build:addon']);
    copyFileSync(join(directory, ADDON), kept);
  }
  return kept;
}

/** Takes a working tree away, if it is there. */
function remove({ directory }: Commit): void {
  if (existsSync(directory)) run(root, 'git', ['worktree', 'remove', '--force', directory]);
}

interface VitestReport {
  readonly files: readonly {
    readonly groups: readonly {
      readonly fullName: string;
      readonly benchmarks: readonly { readonly name: string; readonly min: number; readonly median: number }[];
    }[];
  }[];
}

/** One round of one commit. */
function measure({ directory }: Commit): Timings {
  const report = join(cache, 'report.json');
  rmSync(report, { force: true });
  const only = values.only === undefined ? [] : ['--testNamePattern', values.only.replaceAll(/[^\w ]/g, '.')];
  const words = ['vitest', 'bench', '--run', '--dir', 'benches/micro', '--outputJson', report, ...only];
  run(directory, 'npx', words, { MILLRACE_MICRO_MS: values.ms });
  const { files } = JSON.parse(readFileSync(report, 'utf8')) as VitestReport;
  return new Map(
    files
      .flatMap(({ groups }) => groups)
      .flatMap(({ fullName, benchmarks }) =>
        benchmarks
          .filter(({ median }) => Number.isFinite(median))
          .map(({ name, min, median }) => {
            return [`${fullName.split(' > ').at(-1)}: ${name}`, { least: min * 1e6, median: median * 1e6 }] as const;
          }),
      ),
  );
}

mkdirSync(cache, { recursive: true });
const commits: Commit[] = [];
try {
  commits.push(prepare(base), prepare(head));
  const measured: [Timings[], Timings[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    // The second goes first every other time, so that neither always has the warmer machine.
    for (const at of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const commit = commits[at] as Commit;
      process.stderr.write(`round ${round + 1} of ${rounds}: ${commit.name}\n`);
      measured[at].push(measure(commit));
    }
  }
  const changes = changesOf(...measured, limit);
  process.stdout.write(describeChanges(changes, limit));
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ base, head, rounds, changes }, null, 2)}\n`);
  }
  process.exitCode = changes.some(({ verdict }) => verdict === 'slower') ? 1 : 0;
} finally {
  for (const commit of commits) remove(commit);
}
