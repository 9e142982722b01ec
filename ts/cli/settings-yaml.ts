/**
 * Settings files in YAML and JSON: nested sections become dotted names, each with the line it stands at.
 *
 * Read from the parser's events, not from objects: values are the words of the file, whatever YAML would make of them, and
 * an alias is refused where it stands. Invariant: what is built is never larger than the text.
 */
import {
  EVENT_ID,
  type Event,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
  YAMLException,
} from 'js-yaml';
import { type CliError, usage } from './exit.ts';
import type { PlacedValue } from './settings-file.ts';

/** Sections inside each other; no setting has half as many. */
const DEPTH_MAX = 16;

/** The settings of a YAML document. Throws a usage error with file and line. */
export function parseYaml(path: string, text: string): Map<string, PlacedValue> {
  return new Sections(path, text).read(eventsOf(path, text));
}

/** As `parseYaml`, of what is JSON and nothing else: YAML takes JSON's words for the same. */
export function parseJson(path: string, text: string): Map<string, PlacedValue> {
  try {
    JSON.parse(text);
  } catch (cause) {
    const message = (cause as Error).message;
    const position = /at position (\d+)/.exec(message)?.[1];
    const line = position === undefined ? '' : `, line ${lineAt(text, Number(position))}`;
    throw usage(`${path}${line}: it is not JSON: ${message}`, { cause });
  }
  return parseYaml(path, text);
}

function eventsOf(path: string, text: string): Event[] {
  try {
    return parseEvents(text, { maxDepth: DEPTH_MAX });
  } catch (cause) {
    if (!(cause instanceof YAMLException)) throw cause;
    const line = cause.mark === undefined ? '' : `, line ${cause.mark.line + 1}`;
    throw usage(`${path}${line}: it is not YAML: ${cause.reason}`, { cause });
  }
}

/** Lines are counted from 1. */
function lineAt(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < position; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** One walk over the events of a file. */
class Sections {
  readonly #path: string;
  readonly #text: string;
  readonly #settings = new Map<string, PlacedValue>();
  /** The line that the walk has come to, and where it begins. */
  #line = 1;
  #position = 0;

  constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  read(events: readonly Event[]): Map<string, PlacedValue> {
    /** The sections that are open, each by its whole name; that of the file is empty. */
    const open: string[] = [];
    /** The name whose value comes next. */
    let name: string | undefined;
    for (const [index, event] of events.entries()) {
      switch (event.type) {
        case EVENT_ID.DOCUMENT:
          if (index > 0) throw this.#refuse(undefined, 'there is a second document: keep one');
          break;
        case EVENT_ID.MAPPING:
          this.#moveTo(event.start);
          this.#plainOnly(event.tagStart);
          if (name === undefined && open.length > 0) throw this.#refuse(undefined, 'a name has to be text');
          open.push(name ?? '');
          name = undefined;
          break;
        case EVENT_ID.SEQUENCE:
          this.#moveTo(event.start);
          throw this.#refuse(name, 'is a list: write it as text, such as "one,two"');
        case EVENT_ID.ALIAS:
          this.#moveTo(event.anchorStart);
          throw this.#refuse(name, 'is an alias: write the value itself');
        case EVENT_ID.SCALAR:
          name = this.#scalar(event, open, name);
          break;
        case EVENT_ID.POP:
          open.pop();
          break;
      }
    }
    return this.#settings;
  }

  /** A name, or the value of `name`; answers the name whose value comes next. */
  #scalar(event: ScalarEvent, open: readonly string[], name: string | undefined): string | undefined {
    if (event.valueStart >= 0) this.#moveTo(event.valueStart);
    this.#plainOnly(event.tagStart);
    const value = getScalarValue(this.#text, event);
    if (open.length === 0) throw this.#refuse(undefined, 'the file has to be sections of NAME: VALUE');
    if (name === undefined) {
      if (value === '') throw this.#refuse(undefined, 'a name has to be text');
      if (value === '<<') throw this.#refuse(undefined, 'sections are not merged: write the settings themselves');
      const section = open.at(-1);
      return (section ? `${section}.${value}` : value).slice(0, NAME_MAX);
    }
    const isPlain = event.style === SCALAR_STYLE.PLAIN;
    if (isPlain && /^(~|null|)$/i.test(value)) throw this.#refuse(name, 'has no value: give one, or leave it out');
    const place = `${this.#path}, line ${this.#line}`;
    const before = this.#settings.get(name);
    if (before !== undefined) throw this.#refuse(name, `is set a second time, first at ${before.place}: keep one`);
    this.#settings.set(name, { value: isPlain && /^(true|false)$/i.test(value) ? value.toLowerCase() : value, place });
    return undefined;
  }

  #plainOnly(tagStart: number): void {
    if (tagStart >= 0) throw this.#refuse(undefined, 'tags (!...) are not understood: leave them out');
  }

  /** Counts lines up to an offset; offsets come in order. */
  #moveTo(position: number): void {
    for (let at = this.#text.indexOf('\n', this.#position); at !== -1 && at < position; ) {
      this.#line += 1;
      this.#position = at + 1;
      at = this.#text.indexOf('\n', this.#position);
    }
  }

  #refuse(name: string | undefined, what: string): CliError {
    return usage(`${this.#path}, line ${this.#line}: ${name === undefined ? '' : `${name} `}${what}`);
  }
}

/** Of a name no more is kept: no setting's is half as long, and sections would repeat theirs for each inner name. */
const NAME_MAX = 200;
