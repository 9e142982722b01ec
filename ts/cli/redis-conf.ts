/**
 * A `redis.conf` as settings file: its directives become the settings `redis.NAME`, with Redis' own rules for words, quotes,
 * `include` and repetition (the last one wins).
 *
 * Not what a directive does (redis-settings.ts), only which are known. Invariant: a directive that Redis knows and that
 * changes nothing here is told, one that asks for what is not there is refused, and so is one that nobody knows.
 */
import { dirname, resolve } from 'node:path';
import { usage } from './exit.ts';
import { nearestName } from './nearest-name.ts';
import { isRedisSetting, REDIS_PREFIX, redisSettingNames } from './redis-settings.ts';
import type { PlacedValue, SettingsFile } from './settings-file.ts';

/** Files that one may include, over all levels. */
const FILES_MAX = 32;

/** Directives of Redis whose meaning is another here or none, and that weaken nothing: as patterns of their names. */
const withoutEffect = new RegExp(
  `^(${[
    'acllog-max-len|activedefrag|active-.*|activerehashing|always-show-logo|aof-.*|appenddirname|appendfilename',
    'bgsave_cpulist|bio_cpulist|aof_rewrite_cpulist|server_cpulist|busy-reply-threshold|lua-time-limit',
    'client-output-buffer-limit|cluster-(?!enabled).*|crash-.*|disable-thp|dynamic-hz|hll-.*|hide-user-data-from-log',
    'io-threads|io-threads-do-reads|ignore-warnings|jemalloc-bg-thread|latency-tracking.*|lazyfree-.*|locale-collate',
    'logfile|maxmemory-clients|maxmemory-eviction-tenacity|min-replicas-.*|oom-score-adj.*|pidfile|proc-title-template',
    'propagation-error-behavior|rdb-.*|rdbchecksum|rdbcompression|repl-.*|replica-.*|slave-.*|sanitize-dump-payload',
    'set-max-listpack-.*|set-proc-title|shutdown-.*|socket-mark-id|stop-writes-on-bgsave-error|stream-node-max-.*',
    'supervised|syslog-.*|tcp-backlog|tls-(?!port$|cert-file$|key-file$|ca-cert-file$|auth-clients$).*|tracking-table-max-keys',
    'max-new-connections-per-cycle|max-new-tls-connections-per-cycle|lookahead|enable-(protected-configs|module-command)',
  ].join('|')})$`,
);

/** Directives that ask for what is not there, and what to do instead. A pattern says for which values. */
const refused: ReadonlyMap<string, readonly [values: RegExp, instead: string]> = new Map([
  ['replicaof', [/(?!^no one$)/i, 'there are no replicas: take it out']],
  ['slaveof', [/(?!^no one$)/i, 'there are no replicas: take it out']],
  ['masterauth', [/./, 'there are no replicas: take it out']],
  ['masteruser', [/./, 'there are no replicas: take it out']],
  ['cluster-enabled', [/^yes$/i, 'there is no cluster: take it out']],
  ['unixsocket', [/./, 'there are no Unix sockets: take it out, and connect to bind and port']],
  ['unixsocketperm', [/./, 'there are no Unix sockets: take it out']],
  ['user', [/./, 'there are no users on the Redis wire: take it out, and give requirepass']],
  ['aclfile', [/./, 'there are no users on the Redis wire: take it out, and give requirepass']],
  ['acl-pubsub-default', [/./, 'there are no users on the Redis wire: take it out']],
  ['rename-command', [/./, 'commands keep their names: take it out']],
  ['loadmodule', [/./, 'there are no modules: take it out']],
  ['daemonize', [/^yes$/i, 'it stays in the foreground: take it out, and let systemd or nohup keep it']],
]);

/** Reads a file that is included. Throws a `CliError`. */
type ReadText = (path: string) => string;

/** The settings of `text`, the file `path`. Throws a usage error with file and line. */
export function parseRedisConf(path: string, text: string, read: ReadText): SettingsFile {
  const settings = new Map<string, PlacedValue>();
  const notes: string[] = [];
  let files = 1;
  const take = (file: string, content: string, above: readonly string[]): void => {
    for (const [index, line] of content.split('\n').entries()) {
      const place = `${file}, line ${index + 1}`;
      const words = wordsOf(line.trim(), place);
      const [first, ...rest] = words;
      if (first === undefined) continue;
      const name = first.toLowerCase();
      const value = rest.join(' ');
      if (name === 'include') {
        const included = resolve(dirname(file), value);
        if (above.includes(included)) throw usage(`${place}: include ${value}: the file includes itself: take one out`);
        files += 1;
        if (files > FILES_MAX)
          throw usage(`${place}: include ${value}: more than ${FILES_MAX} files: put them together`);
        take(included, read(included), [...above, included]);
      } else {
        const note = judge(name, value, rest.length, place);
        if (note !== undefined) notes.push(note);
        else settings.set(`${REDIS_PREFIX}${name}`, { value, place });
      }
    }
  };
  take(path, text, [resolve(path)]);
  return { settings, notes };
}

/** A note for what changes nothing; undefined for a setting. Throws for everything else. */
function judge(name: string, value: string, words: number, place: string): string | undefined {
  const [values, instead] = refused.get(name) ?? [];
  if (values?.test(value)) throw usage(`${place}: ${name}: ${instead}`);
  if (values !== undefined) return `${place}: ${name} changes nothing here`;
  if (!isRedisSetting(name)) {
    if (withoutEffect.test(name)) return `${place}: ${name} changes nothing here`;
    const nearest = nearestName(name, redisSettingNames);
    throw usage(
      `${place}: Redis has no directive '${name.slice(0, 80)}'${nearest === undefined ? ': take it out' : `; did you mean ${nearest}?`}`,
    );
  }
  if (words === 0) throw usage(`${place}: ${name} has no value: give one, or take the line out`);
  return undefined;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

/** The words of a line, as Redis cuts it: by blanks, with "..." (escapes) and '...' (none but \'). */
function wordsOf(line: string, place: string): string[] {
  if (line === '' || line.startsWith('#')) return [];
  const words: string[] = [];
  const word = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s"']+))(?=\s|$)/y;
  while (word.lastIndex < line.length) {
    const found = word.exec(line);
    if (found === null)
      throw usage(`${place}: quotes are not closed, or something stands right behind them: mend the line`);
    const [, double, single, plain] = found;
    if (plain !== undefined) words.push(plain);
    else if (single !== undefined) words.push(single.replaceAll("\\'", "'"));
    else words.push(unescaped(double ?? ''));
  }
  return words;
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(?:x([0-9a-f]{2})|(.))/gi, (_all, hex: string | undefined, letter: string | undefined) => {
    return hex === undefined ? (escapes[letter ?? ''] ?? letter ?? '') : String.fromCharCode(Number.parseInt(hex, 16));
  });
}
