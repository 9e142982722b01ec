/** Reads server-sent events of the console until one of a kind comes. Not a browser's EventSource: it never reconnects. */

export interface ReadEvent {
  readonly event: string;
  readonly data: unknown;
}

/** Everything up to the first event called `last`, or `most` events. The connection is closed then. */
export async function readEvents(url: string, last: string, most = 1000): Promise<ReadEvent[]> {
  const given = new AbortController();
  const limit = setTimeout(() => given.abort(new Error(`no ${last} within 10 s`)), 10_000);
  try {
    const response = await fetch(url, { signal: given.signal });
    if (!response.ok || !response.body) throw new Error(await response.text());
    const found: ReadEvent[] = [];
    let text = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const messages = text.split('\n\n');
      text = messages.pop() ?? '';
      for (const message of messages) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/s.exec(message) ?? [];
        if (event === undefined || data === undefined) continue;
        found.push({ event, data: JSON.parse(data) });
        if (event === last || found.length >= most) return found;
      }
    }
    return found;
  } finally {
    clearTimeout(limit);
    given.abort();
  }
}

/** The data of all events of a kind. */
export function dataOf<T>(events: readonly ReadEvent[], event: string): T[] {
  return events.filter((one) => one.event === event).map(({ data }) => data as T);
}
