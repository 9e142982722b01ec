/**
 * The message viewer: where to begin, what to look for, and what was found; or what arrives right now.
 *
 * Not one message's inside (message-detail.tsx). To remember: everything it is set to stands in the address; the filter
 * runs in the server, so the page holds only what was found.
 */

import type { JSX } from 'preact';
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { RecordRow, ScanCursor, ScanEnd, ScanProgress, TopicView } from '../api.ts';
import { bytes, count, plural } from './format.ts';
import { apiUrl, follow } from './load.ts';
import { MessageForm } from './message-form.tsx';
import { MessageList, nameOf } from './message-list.tsx';
import { usePlace } from './place.ts';

const TAIL_KEPT = 500;

/** What is looked for, as the address says. */
export interface Ask {
  readonly partition: string;
  readonly from: string;
  readonly at: string;
  readonly filter: string;
  readonly limit: string;
  readonly isolation: string;
  readonly live: boolean;
}

function askOf(query: URLSearchParams): Ask {
  const text = (name: string, otherwise = ''): string => query.get(name) ?? otherwise;
  return {
    partition: text('partition'),
    from: text('from', 'newest'),
    at: text('at'),
    filter: text('filter'),
    limit: text('limit', '50'),
    isolation: text('isolation', 'read_committed'),
    live: query.has('live'),
  };
}

interface Found {
  readonly rows: readonly RecordRow[];
  readonly progress: ScanProgress | undefined;
  readonly end: ScanEnd | undefined;
  readonly error: string | undefined;
}

const NOTHING: Found = { rows: [], progress: undefined, end: undefined, error: undefined };

export function Messages({ topic }: { topic: TopicView }): JSX.Element {
  const { query } = usePlace();
  // What is open does not change what is looked for.
  const asked = JSON.stringify(askOf(query));
  const ask = useMemo(() => JSON.parse(asked) as Ask, [asked]);
  const [turn, setTurn] = useState(0);
  const { found, isRunning, stop, more, setPaused, isPaused } = useScan(topic.name, ask, turn);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  return (
    <>
      <MessageForm
        ask={ask}
        partitions={topic.partitions.length}
        isPaused={isPaused}
        onPause={setPaused}
        onAgain={again}
      />
      <Progress ask={ask} found={found} isRunning={isRunning} onStop={stop} onMore={more} />
      <MessageList topic={topic.name} rows={found.rows} open={query.get('open') ?? ''} isRunning={isRunning} />
    </>
  );
}

function useScan(topic: string, ask: Ask, turn: number) {
  const [found, setFound] = useState<Found>(NOTHING);
  const [isRunning, setRunning] = useState(true);
  const [isPaused, setPaused] = useState(false);
  const [cursor, setCursor] = useState<ScanCursor>();
  const start = `${topic} ${JSON.stringify(ask)} ${turn}`;
  const [begun, setBegun] = useState(start);
  const [stopped, setStopped] = useState('');
  if (begun !== start) {
    // Something else is looked for: what was found for the other goes at once.
    setBegun(start);
    setFound(NOTHING);
    setCursor(undefined);
    setPaused(false);
    setStopped('');
  }
  const isHeld = stopped === start + JSON.stringify(cursor) || (ask.live && isPaused);
  useEffect(() => {
    if (isHeld) {
      setRunning(false);
      return undefined;
    }
    setRunning(true);
    const { live, ...params } = ask;
    const url = live
      ? apiUrl('tail', { topic, partition: ask.partition, filter: ask.filter, isolation: ask.isolation })
      : apiUrl('messages', { topic, ...params, cursor: cursor && JSON.stringify(cursor) });
    const close = follow(url, {
      records: (data) => {
        setFound((before) => {
          // A stream that was lost and begun again tells some of it twice.
          const known = new Set(before.rows.map(nameOf));
          const fresh = (data as RecordRow[]).filter((row) => !known.has(nameOf(row)));
          const rows = live ? [...fresh, ...before.rows].slice(0, TAIL_KEPT) : [...before.rows, ...fresh];
          return { ...before, rows };
        });
      },
      progress: (data) => setFound((before) => ({ ...before, progress: data as ScanProgress })),
      end: (data) => {
        close();
        setRunning(false);
        setFound((before) => ({ ...before, end: data as ScanEnd }));
      },
      refused: (data) => {
        setRunning(false);
        setFound((before) => ({ ...before, error: (data as { error: string }).error }));
      },
    });
    return close;
  }, [start, cursor, isHeld]);
  return {
    found,
    isRunning,
    isPaused,
    setPaused,
    stop: () => setStopped(start + JSON.stringify(cursor)),
    more: () => {
      setCursor(found.end?.cursor ?? undefined);
      setFound((before) => ({ ...before, end: undefined, progress: undefined }));
    },
  };
}

interface ProgressProps {
  readonly ask: Ask;
  readonly found: Found;
  readonly isRunning: boolean;
  readonly onStop: () => void;
  readonly onMore: () => void;
}

const reasons = { limit: 'enough was found', budget: 'enough was read', end: 'all of it' } as const;

function Progress({ ask, found, isRunning, onStop, onMore }: ProgressProps): JSX.Element {
  const { progress, end, error } = found;
  if (error !== undefined) {
    return (
      <p class="banner bad" role="alert">
        {error}
      </p>
    );
  }
  const share = progress && progress.total > 0 ? Math.min(1, progress.records / progress.total) : 0;
  return (
    <div class="progress" role="status">
      {!ask.live && isRunning && <progress value={share} aria-label="Looked through" />}
      <span>
        {ask.live && (isRunning ? <b class="live">Live</b> : <b>Paused</b>)}
        {progress === undefined ? (ask.live ? ' waiting for records' : 'looking…') : saying(ask, progress)}
        {end !== undefined && `: ${reasons[end.reason]}`}
      </span>
      {!ask.live && isRunning && (
        <button type="button" onClick={onStop}>
          Stop
        </button>
      )}
      {end?.cursor && (
        <button type="button" onClick={onMore}>
          {end.reason === 'limit' ? `Next ${ask.limit}` : 'Go on'}
        </button>
      )}
    </div>
  );
}

function saying(ask: Ask, progress: ScanProgress): string {
  const skipped = progress.skipped > 0 ? `, ${count(progress.skipped)} too fast to show` : '';
  if (ask.live)
    return ` ${plural(progress.records, 'record')}, ${bytes(progress.bytes)} arrived, ${count(progress.matches)} wanted${skipped}`;
  return `looked through ${count(progress.records)} of ${plural(progress.total, 'record')}, ${bytes(progress.bytes)}, found ${count(progress.matches)}`;
}
