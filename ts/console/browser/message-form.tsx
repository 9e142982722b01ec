/** What the message viewer looks for, as fields; each change is a change of the address, typing waits for Enter. */

import type { JSX, TargetedEvent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Ask } from './messages.tsx';
import { setQuery } from './place.ts';

interface FormProps {
  readonly ask: Ask;
  readonly partitions: number;
  readonly isPaused: boolean;
  readonly onPause: (isPaused: boolean) => void;
  readonly onAgain: () => void;
}

const starts = [
  ['newest', 'Newest first'],
  ['oldest', 'Oldest first'],
  ['offset', 'From offset'],
  ['time', 'From time'],
] as const;

const isolations = [
  ['read_committed', 'Committed'],
  ['read_uncommitted', 'All, uncommitted too'],
  ['durable', 'Durable only'],
] as const;

/** A moment as an input of the browser's own kind has it, in local time. */
function localTime(ms: string): string {
  const at = Number(ms);
  if (ms === '' || !Number.isFinite(at)) return '';
  const date = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, 19);
}

export function MessageForm({ ask, partitions, isPaused, onPause, onAgain }: FormProps): JSX.Element {
  const [filter, setFilter] = useState(ask.filter);
  const [at, setAt] = useState(ask.at);
  useEffect(() => setFilter(ask.filter), [ask.filter]);
  useEffect(() => setAt(ask.at), [ask.at]);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (filter === ask.filter && at === ask.at) onAgain();
    else setQuery({ filter, at, open: undefined });
  };
  const change = (name: string, otherwise: string) => (event: TargetedEvent<HTMLSelectElement>) => {
    const { value } = event.currentTarget;
    setQuery({ [name]: value === otherwise ? undefined : value, open: undefined });
  };
  const changeStart = (event: TargetedEvent<HTMLSelectElement>): void => {
    const { value } = event.currentTarget;
    const first = value === 'time' ? String(Date.now() - 3_600_000) : value === 'offset' ? '0' : undefined;
    setQuery({ from: value === 'newest' ? undefined : value, at: first, open: undefined });
  };
  return (
    <form class="bar" onSubmit={submit}>
      {!ask.live && (
        <label>
          Show
          <select value={ask.from} onChange={changeStart}>
            {starts.map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
        </label>
      )}
      {!ask.live && ask.from === 'offset' && (
        <label>
          Offset
          <input type="number" min="0" value={at} onInput={(event) => setAt(event.currentTarget.value)} />
        </label>
      )}
      {!ask.live && ask.from === 'time' && (
        <label>
          Time
          <input
            type="datetime-local"
            step="1"
            value={localTime(at)}
            onInput={(event) => setAt(String(new Date(event.currentTarget.value).getTime()))}
          />
        </label>
      )}
      <label>
        Partition
        <select value={ask.partition} onChange={change('partition', '')}>
          <option value="">All</option>
          {Array.from({ length: partitions }, (_, index) => (
            <option key={index} value={String(index)}>
              {index}
            </option>
          ))}
        </select>
      </label>
      <label class="grow">
        Filter: words in key, value or headers
        <input
          type="search"
          data-filter
          placeholder='paid  key:customer-7  header:source=web  -value:"not this"   /'
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      </label>
      <label>
        Seen as
        <select value={ask.isolation} onChange={change('isolation', 'read_committed')}>
          {isolations.map(([value, title]) => (
            <option key={value} value={value}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {!ask.live && (
        <label>
          At most
          <select value={ask.limit} onChange={change('limit', '50')}>
            {['20', '50', '200', '1000'].map((value) => (
              <option key={value}>{value}</option>
            ))}
          </select>
        </label>
      )}
      <button type="submit" class="primary">
        {ask.live ? 'Apply' : 'Search'}
      </button>
      {ask.live && (
        <button type="button" aria-pressed={isPaused} onClick={() => onPause(!isPaused)}>
          {isPaused ? 'Go on' : 'Pause'}
        </button>
      )}
      <button
        type="button"
        aria-pressed={ask.live}
        onClick={() => setQuery({ live: ask.live ? undefined : 1, open: undefined })}
      >
        {ask.live ? 'Stop live' : 'Live'}
      </button>
    </form>
  );
}
