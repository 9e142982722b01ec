/**
 * Moves a group: where to, what that would do to every partition, and only then doing it.
 *
 * To remember: what is shown is what the server would do, asked anew for every change of the fields.
 */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { GroupView, SeekAnswer } from '../api.ts';
import { Dialog } from './dialog.tsx';
import { count, DASH } from './format.ts';
import { post } from './load.ts';
import { Table } from './table.tsx';

const places = [
  ['earliest', 'The beginning'],
  ['latest', 'The end'],
  ['time', 'A time'],
  ['shift', 'By records'],
  ['offset', 'An offset'],
] as const;

interface SeekProps {
  readonly group: GroupView;
  readonly mayWrite: boolean;
  readonly onClose: () => void;
}

export function SeekDialog({ group, mayWrite, onClose }: SeekProps): JSX.Element {
  const [to, setTo] = useState('earliest');
  const [text, setText] = useState('');
  const [topic, setTopic] = useState('');
  const [answer, setAnswer] = useState<SeekAnswer>();
  const [error, setError] = useState<string>();
  const value = to === 'time' ? new Date(text).getTime() : Number(text);
  const isReady = to === 'earliest' || to === 'latest' || (text !== '' && Number.isSafeInteger(value));
  const body = { group: group.group, to, topic, ...(isReady && to !== 'earliest' && to !== 'latest' ? { value } : {}) };
  const ask = (preview: boolean): void => {
    setError(undefined);
    post<SeekAnswer>('group-seek', { ...body, preview }).then(setAnswer, (reason: Error) => setError(reason.message));
  };
  useEffect(() => {
    setAnswer(undefined);
    if (isReady) ask(true);
  }, [to, text, topic]);
  const topics = [...new Set(group.partitions.map((row) => row.topic))];
  return (
    <Dialog title={`Seek ${group.group}`} onClose={onClose}>
      <div class="bar">
        <label>
          To
          <select value={to} onChange={(event) => setTo(event.currentTarget.value)}>
            {places.map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
        {(to === 'offset' || to === 'shift') && (
          <label>
            {to === 'offset' ? 'Offset' : 'Records, negative goes back'}
            <input type="number" value={text} onInput={(event) => setText(event.currentTarget.value)} />
          </label>
        )}
        {to === 'time' && (
          <label>
            Time
            <input
              type="datetime-local"
              step="1"
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
        )}
        <label>
          Topic
          <select value={topic} onChange={(event) => setTopic(event.currentTarget.value)}>
            <option value="">All it has committed</option>
            {topics.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </div>
      {error !== undefined && (
        <p class="banner bad" role="alert">
          {error}
        </p>
      )}
      {answer && <Preview answer={answer} />}
      {answer?.isDone && (
        <p class="banner good" role="status">
          Done: the group goes on from there.
        </p>
      )}
      {answer?.refusal && <p class="banner">{answer.refusal}</p>}
      {!mayWrite && <p class="banner">This console only reads: start the server with --console-write to seek.</p>}
      <footer class="bar">
        <button
          type="button"
          class="primary"
          disabled={!mayWrite || !answer || answer.isDone || answer.refusal !== null || answer.rows.length === 0}
          onClick={() => ask(false)}
        >
          Seek {answer ? count(answer.rows.length) : ''} partitions
        </button>
        <button type="button" onClick={onClose}>
          {answer?.isDone ? 'Close' : 'Cancel'}
        </button>
      </footer>
    </Dialog>
  );
}

function Preview({ answer }: { answer: SeekAnswer }): JSX.Element {
  return (
    <div class="scroll">
      <Table
        label="What would change"
        rows={answer.rows}
        keyOf={(row) => `${row.topic}/${row.partition}`}
        empty="There is nothing to move."
        columns={[
          { title: 'Topic', cell: (row) => row.topic },
          { title: 'Partition', isNumber: true, cell: (row) => row.partition },
          { title: 'From', isNumber: true, cell: (row) => (row.before === null ? DASH : count(row.before)) },
          { title: 'To', isNumber: true, cell: (row) => <b>{count(row.after)}</b> },
          {
            title: 'Records',
            isNumber: true,
            cell: ({ again }) =>
              again === 0 ? 'none' : again > 0 ? `${count(again)} again` : `${count(-again)} passed over`,
          },
        ]}
      />
    </div>
  );
}
