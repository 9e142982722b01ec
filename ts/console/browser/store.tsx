/**
 * The keys of one store, one level of the tree at a time, and the value of the one that is open.
 *
 * To remember: where one is in the tree stands in the address, as bytes; going on adds to what is shown.
 */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Bytes, KeysView, ValueView } from '../api.ts';
import { DeleteDialog } from './delete-dialog.tsx';
import { Await } from './empty.tsx';
import { bytes, count, DASH, duration, moment, plural } from './format.ts';
import { dead } from './keys.tsx';
import { type Loaded, post, read } from './load.ts';
import { linkTo, setQuery, usePlace } from './place.ts';
import { Content } from './record-content.tsx';

interface StoreProps {
  readonly name: string;
  readonly mayWrite: boolean;
}

/** What is deleted: one key, or all below a prefix. */
export type Doomed = { readonly key: string } | { readonly prefix: string };

export function StorePage({ name, mayWrite }: StoreProps): JSX.Element {
  const { query } = usePlace();
  const prefix = query.get('prefix') ?? '';
  const open = query.get('key') ?? '';
  const { level, more, again } = useLevel(name, prefix);
  const [doomed, setDoomed] = useState<Doomed>();
  return (
    <>
      <nav class="crumbs" aria-label="Above">
        <a href="#/keys">Keys</a> / <a href={linkTo(['keys', name])}>{name}</a>
        {steps(prefix).map(({ id, text }) => (
          <span key={id}>
            {' / '}
            <a href={linkTo(['keys', name], { prefix: id })}>{text}</a>
          </span>
        ))}
      </nav>
      <Await of={level}>
        {(view) => (
          <>
            <Head view={view} name={name} mayWrite={mayWrite} onDelete={() => setDoomed({ prefix })} />
            <div class={open === '' ? '' : 'split'}>
              <Level view={view} name={name} open={open} onMore={more} />
              {open !== '' && (
                <Value
                  store={name}
                  id={open}
                  canDelete={mayWrite && view.readOnly === null}
                  onDelete={() => setDoomed({ key: open })}
                />
              )}
            </div>
            {doomed && (
              <DeleteDialog
                store={name}
                doomed={doomed}
                onClose={(isDone) => {
                  setDoomed(undefined);
                  if (isDone) setQuery({ key: undefined });
                  if (isDone) again();
                }}
              />
            )}
          </>
        )}
      </Await>
    </>
  );
}

/** One level of the tree; `more` adds what comes next. */
function useLevel(store: string, prefix: string) {
  const [level, setLevel] = useState<Loaded<KeysView>>({ value: undefined, error: undefined });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let isGone = false;
    setLevel({ value: undefined, error: undefined });
    read<KeysView>('keys', { store, prefix }).then(
      (value) => !isGone && setLevel({ value, error: undefined }),
      (error: Error) => !isGone && setLevel({ value: undefined, error: error.message }),
    );
    return () => {
      isGone = true;
    };
  }, [store, prefix, turn]);
  const more = async (): Promise<void> => {
    const before = level.value;
    if (!before?.next) return;
    const next = await read<KeysView>('keys', { store, prefix, after: before.next });
    const prefixes = [...before.prefixes, ...next.prefixes];
    setLevel({ value: { ...next, prefixes, keys: [...before.keys, ...next.keys] }, error: undefined });
  };
  return { level, more: () => void more(), again: () => setTurn(turn + 1) };
}

/** The prefixes on the way to one. */
function steps(prefix: string): { id: string; text: string }[] {
  if (prefix === '') return [];
  const all = atob(prefix.replaceAll('-', '+').replaceAll('_', '/'));
  const found: { id: string; text: string }[] = [];
  for (let at = all.indexOf(':'); at >= 0; at = all.indexOf(':', at + 1)) {
    const id = btoa(all.slice(0, at + 1))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', '');
    const part = Uint8Array.from(all.slice(found.length === 0 ? 0 : all.lastIndexOf(':', at - 1) + 1, at), (one) =>
      one.charCodeAt(0),
    );
    found.push({ id, text: new TextDecoder().decode(part) });
  }
  return found;
}

interface HeadProps extends StoreProps {
  readonly view: KeysView;
  readonly onDelete: () => void;
}

function Head({ view, name, mayWrite, onDelete }: HeadProps): JSX.Element {
  const { store } = view;
  const [isBegun, setBegun] = useState(false);
  const merge = (): void => {
    post('merge', { store: name }).then(() => setBegun(true));
  };
  return (
    <>
      <header class="head">
        <h1>{name}</h1>
        <p class="dim">
          {plural(store.keys, 'key')} · {bytes(store.fileBytes)} on disk, {(dead(store) * 100).toFixed(0)} % dead ·{' '}
          {bytes(store.keydirBytes + store.memtableBytes)} in memory
        </p>
        {mayWrite && (
          <span class="right buttons">
            <button type="button" disabled={isBegun || store.isMerging} onClick={merge}>
              {isBegun || store.isMerging ? 'Merging' : 'Merge'}
            </button>
            {view.readOnly === null && (
              <button type="button" class="danger" onClick={onDelete}>
                Delete these…
              </button>
            )}
          </span>
        )}
      </header>
      {mayWrite && view.readOnly !== null && <p class="dim count">{view.readOnly}</p>}
    </>
  );
}

interface LevelProps {
  readonly view: KeysView;
  readonly name: string;
  readonly open: string;
  readonly onMore: () => void;
}

function Level({ view, name, open, onMore }: LevelProps): JSX.Element {
  if (view.keys.length + view.prefixes.length === 0) return <div class="none">There are no keys here.</div>;
  return (
    <div class="table">
      <table aria-label="Keys">
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col">What</th>
            <th scope="col" class="number">
              Expires
            </th>
          </tr>
        </thead>
        <tbody>
          {view.prefixes.map((row) => (
            <tr key={row.id}>
              <td class="mono">
                <a href={linkTo(['keys', name], { prefix: row.id })}>
                  <Name name={row.prefix} />
                </a>
              </td>
              <td class="dim">
                {count(row.keys)}
                {row.isMore && '+'} {row.keys === 1 ? 'key' : 'keys'}
              </td>
              <td />
            </tr>
          ))}
          {view.keys.map((row) => (
            <tr key={row.id} class={row.id === open ? 'open' : ''}>
              <td class="mono">
                <button type="button" class="cell" onClick={() => setQuery({ key: row.id })}>
                  <Name name={row.key} />
                </button>
              </td>
              <td class="dim">{row.type === null ? 'value' : `${row.type}, ${count(row.members)}`}</td>
              <td class="number">{expiry(row.expiresMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {view.next !== null && (
        <button type="button" class="more" onClick={onMore}>
          Show more
        </button>
      )}
    </div>
  );
}

function expiry(expiresMs: number): string {
  return expiresMs === 0 ? DASH : `in ${duration((expiresMs - Date.now()) / 1000)}`;
}

/** A key as text, or as hex when it is none. */
export function Name({ name }: { name: Bytes }): JSX.Element {
  if (name.text !== undefined) return <>{name.text === '' ? '(empty)' : name.text}</>;
  const hex = Array.from(atob(name.base64 ?? ''), (one) => one.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  return <span title="No text: shown as hex">0x{hex}</span>;
}

interface ValueProps {
  readonly store: string;
  readonly id: string;
  readonly canDelete: boolean;
  readonly onDelete: () => void;
}

function Value({ store, id, canDelete, onDelete }: ValueProps): JSX.Element {
  const [loaded, setLoaded] = useState<Loaded<ValueView>>({ value: undefined, error: undefined });
  useEffect(() => {
    setLoaded({ value: undefined, error: undefined });
    read<ValueView>('value', { store, key: id }).then(
      (value) => setLoaded({ value, error: undefined }),
      (error: Error) => setLoaded({ value: undefined, error: error.message }),
    );
  }, [store, id]);
  return (
    <aside class="card" aria-label="Value">
      <Await of={loaded}>
        {(view) => (
          <div class="record">
            <h2 class="mono wrap">
              <Name name={view.key} />
            </h2>
            <p class="dim">
              {bytes(view.value?.size)} · {view.expiresMs === 0 ? 'never expires' : `expires ${moment(view.expiresMs)}`}
            </p>
            <Content content={view.value} />
            <span class="buttons">
              {canDelete && (
                <button type="button" class="danger" onClick={onDelete}>
                  Delete…
                </button>
              )}
              <button type="button" onClick={() => setQuery({ key: undefined })}>
                Close
              </button>
            </span>
          </div>
        )}
      </Await>
    </aside>
  );
}
