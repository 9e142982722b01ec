/**
 * Promises about the sources as text: sizes, headers, words that must not occur, directions of imports, and that the
 * architecture page names files that exist.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const longest = 800;

interface Source {
  readonly path: string;
  readonly text: string;
}

function filesBelow(folder: string, wanted: RegExp): Source[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && wanted.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|\/)(target|node_modules|fixtures?|golden)\//.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

const rust = [...filesBelow('crates', /\.rs$/), ...filesBelow('benches', /\.rs$/)];
const scripts = ['ts', '__test__', 'benches'].flatMap((folder) => filesBelow(folder, /\.(tsx?|mjs)$/));
const written = scripts.filter(({ path }) => !path.endsWith('.gen.ts'));
const sources = [...rust, ...written];

/** `file:line` of each line that matches. */
function places(files: readonly Source[], wrong: RegExp): string[] {
  return files.flatMap(({ path, text }) => {
    return text
      .split('\n')
      .flatMap((line, index) => (wrong.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : []));
  });
}

describe('sources', () => {
  it('are found', () => {
    expect(rust.length).toBeGreaterThan(20);
    expect(written.length).toBeGreaterThan(50);
  });

  it(`have no file above ${longest} lines`, () => {
    const long = sources.filter(({ text }) => text.split('\n').length > longest).map(({ path }) => path);
    expect(long).toEqual([]);
  });

  it('begin with a header that says what they are', () => {
    const header = /^(#!.*\n)?(\/\*|\/\/)/;
    expect(sources.filter(({ text }) => !header.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it('leave nothing for later', () => {
    const later = new RegExp(['TO', 'DO|FIX', 'ME|XX', 'X:'].join(''));
    expect(places(sources, later)).toEqual([]);
    expect(places(rust, /\b(todo|unimplemented|dbg)!\s*[([{]/)).toEqual([]);
  });

  it('skip no test', () => {
    expect(places(rust, /^\s*#\[ignore/)).toEqual([]);
    expect(places(written, /\b(it|test|describe)\.(skip|only|todo|fails)\b/)).toEqual([]);
  });

  it('silence no checker without a reason', () => {
    expect(places(written, /^\s*\/\/ @ts-(ignore|nocheck)/)).toEqual([]);
    expect(places(written, /biome-ignore [^:]*$/)).toEqual([]);
    // In the product nothing unused is kept alive, and nothing is silenced wholesale, without a reason in the attribute.
    const wholesale = /#!?\[allow\(\s*(dead_code|unused|warnings|unsafe_code|unsafe_op_in_unsafe_fn)\b(?![^\]]*reason)/;
    const product = rust.filter(({ path }) => !path.includes('/tests/'));
    expect(product.filter(({ text }) => wholesale.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it('do not unwrap outside tests', () => {
    const product = rust
      .filter(({ path }) => /^crates\/[^/]+\/src\//.test(path))
      .map(({ path, text }) => {
        return { path, text: text.split(/^#\[cfg\(test\)\]/m)[0] ?? '' };
      });
    expect(
      places(
        product.filter(({ path }) => !/\/tests?(\/|\.rs$)|_tests?\.rs$/.test(path)),
        /\.unwrap\(\)(?!.*\/\/\/)/,
      ),
    ).toEqual([]);
  });
});

describe('names', () => {
  it('are kebab-case in TypeScript and snake_case in Rust', () => {
    const wrong = (files: readonly Source[], right: RegExp) =>
      files.map(({ path }) => path.split('/').at(-1) ?? '').filter((name) => !right.test(name));
    expect(wrong(scripts, /^[a-z0-9]+(-[a-z0-9]+)*(\.(gen|spec|bench|d))?\.(tsx?|mjs)$/)).toEqual([]);
    // A program is named as it is called on the command line.
    const modules = rust.filter(({ path }) => !/\/(bin|examples)\//.test(path));
    expect(wrong(modules, /^[a-z0-9]+(_[a-z0-9]+)*\.rs$/)).toEqual([]);
  });

  it('of folders say what is in them', () => {
    // Cargo's own name for what several integration tests share is `tests/common`.
    const vague = /(^|\/)(utils?|helpers?|misc|lib|(?<!tests\/)common)\//;
    expect([...rust, ...scripts].map(({ path }) => path).filter((path) => vague.test(path))).toEqual([]);
  });
});

/** Which part of ts a file belongs to: its first folder, or the file itself at the top. */
function part(path: string): string {
  const [, first = '', second] = path.split('/');
  return second === undefined ? first : first;
}

/** Every relative import of a file, as paths from the root, with whether it is for types only. */
function imports({ path, text }: Source): { to: string; typeOnly: boolean }[] {
  const found = text.matchAll(
    /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'(\.[^']+)'|\bimport\('(\.[^']+)'\)/gms,
  );
  return [...found].map((match) => {
    const target = match[2] ?? match[3] ?? '';
    return { to: relative(root, resolve(root, dirname(path), target)), typeOnly: match[1] !== undefined };
  });
}

const leaves = [
  'errors.ts',
  'options.ts',
  'engine-settings.ts',
  'durability.ts',
  'units.ts',
  'version.ts',
  'channels.ts',
];
/** What each part of ts may import beside itself; types may also come from ts/io's and ts/log's contracts. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  'units.ts': leaves,
  'durability.ts': leaves,
  'options.ts': leaves,
  'engine-settings.ts': leaves,
  'setting-descriptions.ts': [...leaves, 'broker'],
  'version.ts': [],
  'channels.ts': [],
  'tools.ts': [...leaves, 'io', 'log', 'net'],
  'verify.ts': [...leaves, 'io', 'log'],
  kafka: [...leaves, 'log', 'io', 'broker/protocol'],
  server: [...leaves, 'serve.ts', 'io'],
  'index.ts': [...leaves, 'kv', 'log', 'serve.ts', 'tools.ts', 'verify.ts', 'broker', 'testing', 'io'],
  kv: [...leaves, 'io', 'log'],
  redis: [...leaves, 'kv', 'io', 'log', 'net', 'tls'],
  level: [...leaves, 'kv', 'log', 'io'],
  keyv: [...leaves, 'kv', 'log', 'io'],
  unstorage: [...leaves, 'kv'],
  'serve-options.ts': [...leaves, 'http', 'redis', 'kv', 'log', 'net', 'tls'],
  'serve-source.ts': [...leaves, 'serve-options.ts', 'io'],
  'serve.ts': [
    ...leaves,
    'serve-options.ts',
    'serve-source.ts',
    'server-parts.ts',
    'secure-listeners.ts',
    'http',
    'redis',
    'broker',
    'log',
    'io',
    'net',
    'tls',
  ],
  'secure-listeners.ts': [...leaves, 'serve-options.ts', 'http', 'redis', 'broker', 'tls'],
  'local-broker.ts': [...leaves, 'broker', 'io'],
  tls: leaves,
  io: leaves,
  net: leaves,
  log: [...leaves, 'io'],
  broker: [...leaves, 'log', 'net', 'tls'],
  client: [...leaves, 'broker/protocol'],
  cli: [
    ...leaves,
    'index.ts',
    'serve.ts',
    'local-broker.ts',
    'service-manager.ts',
    'tls',
    'setting-descriptions.ts',
    'tools.ts',
    'verify.ts',
    'doctor',
    'testing',
    'client',
    'broker/protocol',
    'broker/rules',
    'redis/settings',
    'log/batch',
  ],
  testing: [...leaves, 'serve.ts', 'server-parts.ts', 'broker', 'log', 'io'],
  'service-manager.ts': [...leaves, 'io'],
  'server-parts.ts': [...leaves, 'broker', 'io'],
  metrics: [...leaves, 'server-parts.ts', 'broker', 'log', 'kv', 'io'],
  otel: leaves,
  http: [...leaves, 'server-parts.ts', 'metrics', 'console'],
  console: [...leaves, 'server-parts.ts', 'metrics', 'broker', 'log', 'kv', 'redis', 'io', 'doctor'],
  doctor: [...leaves, 'io'],
  setup: [],
};
const contracts = ['ts/io/native-types.ts', 'ts/log/types.ts'];
/** Pieces of ts/log that stand alone: the record batch format and the partitioner, which a client needs as well. */
const batchFormat = /^ts\/log\/(batch-layout|batch-view|record-batch|partitioner|record)\.ts$/;

/** Pieces of ts/broker that are numbers and names of access control, which a command line needs as well. */
const ruleNumbers = /^ts\/broker\/(config-keys-security|security\/(acl|scram))\.ts$/;

/** Pieces of ts/redis that are names and values of settings, which a command line needs as well. */
const redisSettings = /^ts\/redis\/(settings|eviction\/policies)\.ts$/;

function mayImport(from: Source, to: string, typeOnly: boolean): boolean {
  const [own, other] = [part(from.path), part(to)];
  const list = allowed[own] ?? [];
  if (own === other || list.includes(other) || contracts.includes(to)) return true;
  if (typeOnly && to.startsWith('ts/log/')) return ['tools.ts', 'cli', 'io', 'otel'].includes(own);
  if (to.startsWith('ts/broker/protocol/')) return list.includes('broker/protocol');
  if (list.includes('broker/rules') && ruleNumbers.test(to)) return true;
  if (list.includes('redis/settings') && redisSettings.test(to)) return true;
  return list.includes('log/batch') && batchFormat.test(to);
}

describe('imports', () => {
  const product = scripts.filter(({ path }) => path.startsWith('ts/'));

  it('point down only', () => {
    expect(product.flatMap(imports).length).toBeGreaterThan(200);
    const wrong = product.flatMap((source) => {
      return imports(source)
        .filter(({ to, typeOnly }) => to.startsWith('ts/') && !mayImport(source, to, typeOnly))
        .map(({ to }) => `${source.path} -> ${to}`);
    });
    expect(wrong).toEqual([]);
  });

  it('of the product never reach tests or benches', () => {
    const wrong = product.flatMap((source) =>
      imports(source)
        .filter(({ to }) => !to.startsWith('ts/'))
        .map(({ to }) => `${source.path} -> ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  it('of codecs stay in their folder', () => {
    const codecs = product.filter(({ path }) => path.startsWith('ts/broker/protocol/'));
    const wrong = codecs.flatMap((source) =>
      imports(source)
        .filter(({ to }) => !to.startsWith('ts/broker/protocol/'))
        .map(({ to }) => `${source.path} -> ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  it('of handlers reach neither sockets, files, ts/io nor each other', () => {
    const handlers = product.filter(({ path }) => /^ts\/broker\/handlers\/\d/.test(path));
    expect(handlers.length).toBeGreaterThan(10);
    expect(places(handlers, /from 'node:(net|fs|tls|http)/)).toEqual([]);
    const wrong = handlers.flatMap((source) => {
      return imports(source)
        .filter(
          ({ to }) => /^ts\/broker\/handlers\/\d/.test(to) || (to.startsWith('ts/io/') && !contracts.includes(to)),
        )
        .map(({ to }) => `${source.path} -> ${to}`);
    });
    expect(wrong).toEqual([]);
  });

  it('load the addon in one file only', () => {
    expect(places(product, /createRequire\(/).map((place) => place.split(':')[0])).toEqual(['ts/io/native.ts']);
  });
});

describe('documentation', () => {
  const pages = [
    ...filesBelow('docs', /\.md$/),
    { path: 'README.md', text: readFileSync(join(root, 'README.md'), 'utf8') },
  ];

  it('names only files that exist', () => {
    const missing = pages.flatMap(({ path, text }) => {
      const named = [
        ...text.matchAll(/`((?:crates|ts|__test__|benches|docs)\/[\w./-]+\.(?:rs|ts|mjs|md|json|xml|toml))`/g),
      ];
      return named
        .map((match) => match[1] ?? '')
        .filter((name) => !existsSync(join(root, name)))
        .map((name) => `${path}: ${name}`);
    });
    expect(missing).toEqual([]);
  });

  it('that the sources point to exists', () => {
    const missing = [...rust, ...written].flatMap(({ path, text }) => {
      const named = [...text.matchAll(/\bdocs\/[\w/-]+\.md/g)].map((match) => match[0]);
      return named.filter((name) => !existsSync(join(root, name))).map((name) => `${path}: ${name}`);
    });
    expect(missing).toEqual([]);
  });

  it('links only to pages that exist', () => {
    const missing = pages.flatMap(({ path, text }) => {
      const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '');
      return links.filter((link) => !existsSync(resolve(root, dirname(path), link))).map((link) => `${path}: ${link}`);
    });
    expect(missing).toEqual([]);
  });

  it('links to nothing that the site of `npm run docs` does not hold', () => {
    const outside = pages.flatMap(({ path, text }) => {
      const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '');
      const held = /^(README\.md|packaging(\/.*)?|docs\/.+\.md)$/;
      return links
        .filter((link) => !held.test(relative(root, resolve(root, dirname(path), link))))
        .map((link) => `${path}: ${link}`);
    });
    expect(outside.filter((place) => !place.startsWith('docs/console/'))).toEqual([]);
  });

  it('of the architecture names every folder of ts and every crate', () => {
    const page = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8');
    const folders = ['ts', 'crates'].flatMap((top) => {
      return readdirSync(join(root, top), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => `${top}/${entry.name}`);
    });
    expect(folders.filter((folder) => !page.includes(folder))).toEqual([]);
  });
});
