/**
 * Commands of Redis clients by name: how often each was called, and how long it took.
 *
 * Not those that are under way. To remember: time spent in a command is the server's own: waiting for the disk or for a flush
 * is not in it.
 */

import type { CommandsView } from './api.ts';
import type { ConsoleParts } from './parts.ts';

const CALLS = 'redis.calls.';
const SECONDS = 'redis.seconds.';
const US_PER_SECOND = 1e6;

export function commands({ server }: ConsoleParts): CommandsView {
  const counters = server.counters();
  const rows = Object.entries(counters).flatMap(([name, calls]) => {
    if (!name.startsWith(CALLS) || calls === 0) return [];
    const command = name.slice(CALLS.length);
    const seconds = counters[`${SECONDS}${command}`] ?? 0;
    return [{ command, calls, seconds, meanUs: (seconds * US_PER_SECOND) / calls }];
  });
  return { isServed: counters['redis.clients'] !== undefined, commands: rows.sort((a, b) => b.seconds - a.seconds) };
}
