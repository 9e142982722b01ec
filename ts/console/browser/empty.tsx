/** What pages show instead of content: nothing there, not there yet, refused. To remember: it says what to do next. */

import type { ComponentChildren, JSX } from 'preact';
import type { Loaded } from './load.ts';

/** What stands where there is nothing to show. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <h2>{title}</h2>
      <p>{children}</p>
    </div>
  );
}

/** A view once it is there; until then a quiet place for it, and the server's words when it refuses. */
export function Await<T>({ of, children }: { of: Loaded<T>; children: (value: T) => JSX.Element }): JSX.Element {
  if (of.value !== undefined) return children(of.value);
  if (of.error !== undefined) return <Empty title="Nothing to show">{of.error}</Empty>;
  return <div class="loading" role="status" aria-label="Loading" />;
}
