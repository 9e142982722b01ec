/**
 * What the console can be asked for, by name: views that are read once or followed, scans that stream, and changes.
 *
 * Tables only. To remember: a view reads and never changes; what changes anything stands in `changes`, and is refused
 * unless the server was started so.
 */

import { commands } from './commands.ts';
import { doctor } from './doctor.ts';
import type { EventStream } from './event-stream.ts';
import { seekGroup } from './group-seek.ts';
import { group, groups } from './groups.ts';
import { health } from './health.ts';
import { deleteKeys } from './key-delete.ts';
import { keys, value } from './keys.ts';
import { liveSamples } from './live-samples.ts';
import { messages, record, tail } from './messages.ts';
import { about, overview } from './overview.ts';
import type { ConsoleParts, Query } from './parts.ts';
import { segments } from './segments.ts';
import { settings } from './settings.ts';
import { mergeStore, storage } from './storage.ts';
import { stores } from './stores.ts';
import { topic, topics } from './topics.ts';

/** Answers with what can be JSON. Throws ConsoleError. */
export type View = (parts: ConsoleParts, query: Query) => unknown;

/** Sends events until it is done or nobody listens. */
export type Scan = (parts: ConsoleParts, query: Query, events: EventStream) => Promise<void>;

/** Changes something; the body has been JSON. Throws ConsoleError. */
export type Change = (parts: ConsoleParts, body: Readonly<Record<string, unknown>>) => Promise<unknown>;

export const views: ReadonlyMap<string, View> = new Map<string, View>([
  ['about', about],
  ['overview', overview],
  ['topics', topics],
  ['topic', topic],
  ['segments', segments],
  ['record', record],
  ['groups', groups],
  ['group', group],
  ['storage', storage],
  ['stores', stores],
  ['keys', keys],
  ['value', value],
  ['health', health],
  ['doctor', doctor],
  ['commands', commands],
  ['settings', settings],
]);

export const scans: ReadonlyMap<string, Scan> = new Map<string, Scan>([
  ['live', liveSamples],
  ['messages', messages],
  ['tail', tail],
]);

export const changes: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['group-seek', seekGroup],
  ['merge', mergeStore],
  ['delete-keys', deleteKeys],
]);
