/** Deletes a key, or all below a prefix, after saying what that is. */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { DeleteAnswer } from '../api.ts';
import { Dialog } from './dialog.tsx';
import { count, plural } from './format.ts';
import { post } from './load.ts';
import { type Doomed, Name } from './store.tsx';

interface DeleteProps {
  readonly store: string;
  readonly doomed: Doomed;
  readonly onClose: (isDone: boolean) => void;
}

export function DeleteDialog({ store, doomed, onClose }: DeleteProps): JSX.Element {
  const [answer, setAnswer] = useState<DeleteAnswer>();
  const [error, setError] = useState<string>();
  const ask = (preview: boolean): void => {
    post<DeleteAnswer>('delete-keys', { store, ...doomed, preview }).then(
      (given) => (given.isDone ? onClose(true) : setAnswer(given)),
      (reason: Error) => setError(reason.message),
    );
  };
  useEffect(() => ask(true), []);
  return (
    <Dialog title="Delete keys" onClose={() => onClose(false)}>
      {error !== undefined && (
        <p class="banner bad" role="alert">
          {error}
        </p>
      )}
      {answer && (
        <>
          <p>
            {plural(answer.keys, 'key')} of <b>{store}</b> would be gone for good, durably
            {answer.isMore && ', and there are more: they are deleted so many at a time'}.
          </p>
          <ul class="sample mono">
            {answer.sample.map((key, index) => (
              <li key={index}>
                <Name name={key} />
              </li>
            ))}
            {answer.keys > answer.sample.length && (
              <li class="dim">and {count(answer.keys - answer.sample.length)} more</li>
            )}
          </ul>
        </>
      )}
      <footer class="bar">
        <button type="button" class="danger" disabled={!answer || answer.keys === 0} onClick={() => ask(false)}>
          Delete {answer ? plural(answer.keys, 'key') : ''}
        </button>
        <button type="button" onClick={() => onClose(false)}>
          Cancel
        </button>
      </footer>
    </Dialog>
  );
}
