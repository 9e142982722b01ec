/**
 * Which records are wanted: words that have to occur in key, value or headers, as people type them.
 *
 * Not a query language. To remember: words are joined by "and"; a word of small letters matches capitals as well, one with
 * capitals matches exactly; nothing a stranger types here can take longer than looking once through a record.
 *
 *   paid                 anywhere          key:customer-7   in the key        value:"two words"   in the value
 *   header:trace=t-17    a header's value  header:trace     there is one      -key:customer-7     not in the key
 */

import type { LogRecord } from '../log/record.ts';

interface Word {
  readonly where: 'any' | 'key' | 'value' | 'header';
  /** Name of the header, for one that is asked for by name. */
  readonly header: string | undefined;
  readonly text: string;
  readonly isExact: boolean;
  readonly isUnwanted: boolean;
}

/** Whether a record is wanted. */
export type RecordFilter = (record: LogRecord) => boolean;

const WORDS_MAX = 20;

/** The filter that `text` describes; undefined when it wants everything. */
export function parseFilter(text: string): RecordFilter | undefined {
  const words = [...text.matchAll(/(-?)(?:(key|value|header):)?(?:"([^"]*)"|(\S+))/g)]
    .slice(0, WORDS_MAX)
    .map(([, minus, where, quoted, plain]) => wordOf(minus === '-', where as Word['where'], quoted ?? plain ?? ''))
    .filter((word) => word.text !== '' || word.header !== undefined);
  if (words.length === 0) return undefined;
  return (record) => words.every((word) => matches(word, record) !== word.isUnwanted);
}

function wordOf(isUnwanted: boolean, where: Word['where'] | undefined, content: string): Word {
  const named = where === 'header' ? /^([^=]+)(?:=(.*))?$/s.exec(content) : null;
  const text = named ? (named[2] ?? '') : content;
  return { where: where ?? 'any', header: named?.[1], text, isExact: text !== text.toLowerCase(), isUnwanted };
}

function matches(word: Word, { key, value, headers }: LogRecord): boolean {
  if (word.where === 'header') {
    return headers.some(([name, content]) => name === word.header && (word.text === '' || occurs(word, content)));
  }
  if (word.where !== 'value' && occurs(word, key)) return true;
  if (word.where !== 'key' && occurs(word, value)) return true;
  return word.where === 'any' && headers.some(([name, content]) => occursIn(word, name) || occurs(word, content));
}

function occurs(word: Word, content: Buffer | null): boolean {
  if (content === null) return false;
  return word.isExact ? content.includes(word.text) : occursIn(word, content.toString('utf8'));
}

function occursIn({ text, isExact }: Word, content: string): boolean {
  return (isExact ? content : content.toLowerCase()).includes(text);
}
