/**
 * What pages ask the server for: views that stay live, streams, and changes.
 *
 * Not what is shown. To remember: a page that nobody looks at holds no connection (a browser has six for all its tabs),
 * and one that lost its connection says so and tries again.
 */

import { useEffect, useState } from 'preact/hooks';

export type Params = Readonly<Record<string, string | number | boolean | undefined>>;

const RETRY_MS = 1500;

/** What the frame shows of the connection: set by whoever holds a stream. */
export const connection = {
  state: 'live' as 'live' | 'lost' | 'locked',
  listeners: new Set<() => void>(),
  set(state: 'live' | 'lost' | 'locked'): void {
    if (connection.state === state) return;
    connection.state = state;
    for (const listener of connection.listeners) listener();
  },
};

export function apiUrl(name: string, params: Params = {}): string {
  const pairs = Object.entries(params).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  return `api/${name}${search === '' ? '' : `?${search}`}`;
}

/** What the server says when it refuses. */
export class Refused extends Error {}

/** Reads a view once. Throws Refused with the server's words. */
export async function read<T>(name: string, params: Params = {}): Promise<T> {
  return take(await fetch(apiUrl(name, params)));
}

/** Asks for a change. Throws Refused with the server's words. */
export async function post<T>(name: string, body: object): Promise<T> {
  const headers = { 'Content-Type': 'application/json' };
  return take(await fetch(apiUrl(name), { method: 'POST', headers, body: JSON.stringify(body) }));
}

async function take<T>(response: Response): Promise<T> {
  if (response.status === 401) connection.set('locked');
  const value = (await response.json().catch(() => ({}))) as T & { error?: string };
  if (!response.ok) throw new Refused(value.error ?? `the server answered ${response.status}`);
  return value;
}

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: string | undefined;
}

/** A view, kept live while the page is looked at. */
export function useView<T>(name: string, params: Params = {}): Loaded<T> {
  const url = apiUrl(name, { ...params, follow: 1 });
  const [loaded, setLoaded] = useState<{ url: string } & Loaded<T>>({ url, value: undefined, error: undefined });
  useEffect(() => {
    return follow(url, {
      view: (data) => setLoaded({ url, value: data as T, error: undefined }),
      refused: (data) => setLoaded({ url, value: undefined, error: (data as { error: string }).error }),
    });
  }, [url]);
  return loaded.url === url ? loaded : { value: undefined, error: undefined };
}

/** Listens to a stream until the returned function is called; opened again after it was lost or the page was hidden. */
export function follow(url: string, events: Readonly<Record<string, (data: unknown) => void>>): () => void {
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let isRefused = false;
  const close = (): void => {
    clearTimeout(retry);
    source?.close();
    source = undefined;
  };
  const open = (): void => {
    close();
    if (document.visibilityState === 'hidden' || isRefused) return;
    source = new EventSource(url);
    source.onopen = () => connection.set('live');
    source.onerror = () => {
      close();
      void lost(url).then((reason) => {
        isRefused = reason !== undefined;
        if (reason !== undefined) events.refused?.({ error: reason });
        else retry = setTimeout(open, RETRY_MS);
      });
    };
    for (const [name, handle] of Object.entries(events)) {
      source.addEventListener(name, (event) => {
        if (name === 'refused') isRefused = true;
        handle(JSON.parse((event as MessageEvent<string>).data));
      });
    }
  };
  document.addEventListener('visibilitychange', open);
  open();
  return () => {
    document.removeEventListener('visibilitychange', open);
    close();
  };
}

/** Finds out why a stream ended: the server's words when it refuses, undefined when it cannot be reached. */
async function lost(url: string): Promise<string | undefined> {
  const given = new AbortController();
  try {
    const response = await fetch(url, { signal: given.signal });
    if (response.ok) return undefined;
    if (response.status === 401) connection.set('locked');
    return ((await response.json()) as { error?: string }).error ?? `the server answered ${response.status}`;
  } catch {
    connection.set('lost');
    return undefined;
  } finally {
    given.abort();
  }
}
