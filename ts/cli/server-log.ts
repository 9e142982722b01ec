/**
 * What a server says to people while it runs, as text or as lines of JSON (`--log-format json`), on stderr.
 *
 * Not data: that goes to stdout. Invariant: every line of JSON has `time`, `level`, `event` and `message`, so that a
 * collector needs no rule of its own for any of them.
 */
import { type Terminal, tell } from './terminal.ts';

export type LogFormat = 'text' | 'json';
export type LogLevel = 'info' | 'warn' | 'error';

/** What happened, in one word of a small set. */
export type LogEvent =
  | 'ready'
  | 'connection'
  | 'flush-failed'
  | 'disk-full'
  | 'disk-has-room'
  | 'closing'
  | 'closed'
  | 'reloaded'
  | 'setting';

/** Says things. */
export interface ServerLog {
  /** `text` is the line for people; `fields` go into the JSON beside it. */
  say(level: LogLevel, event: LogEvent, text: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A log on the terminal's stderr. `now` answers milliseconds since 1970. */
export function serverLog(terminal: Terminal, format: LogFormat, now: () => number = Date.now): ServerLog {
  if (format === 'text') return { say: (_level, _event, text) => tell(terminal, text) };
  return {
    say(level, event, text, fields = {}) {
      const time = new Date(now()).toISOString();
      const message = text.replace(/^millrace: /, '').split('\n', 1)[0];
      tell(terminal, JSON.stringify({ ...fields, time, level, event, message, pid: process.pid }));
    },
  };
}
