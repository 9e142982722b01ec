/**
 * The samples as a stream: everything that is kept, then each new one.
 *
 * To remember: a browser that is slow skips samples; it never holds up the sampler.
 */

import type { EventStream } from './event-stream.ts';
import type { ConsoleParts, Query } from './parts.ts';

export async function liveSamples({ sampler }: ConsoleParts, _query: Query, events: EventStream): Promise<void> {
  await events.send('samples', sampler.samples);
  const stop = sampler.onSample((sample) => {
    if (events.hasRoom) void events.send('sample', sample);
  });
  await new Promise<void>((resolve) => {
    if (events.signal.aborted) resolve();
    else events.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  stop();
}
