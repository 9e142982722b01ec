/**
 * What the console's views stand on: the parts of one server, what has been sampled of it, and how it is served.
 *
 * Not the views. To remember: whatever a view is asked for comes from a stranger's URL, so it is checked where it is read.
 */

import type { ServerParts } from '../server-parts.ts';
import type { Sampler } from './sampler.ts';

/** What every view gets. */
export interface ConsoleParts {
  readonly server: ServerParts;
  readonly sampler: Sampler;
  readonly mayWrite: boolean;
  /** Whether a flush has failed: nothing is written any more. */
  isPoisoned(): boolean;
}

/** A request that cannot be answered as it is; `status` is HTTP's. */
export class ConsoleError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What a URL asks for. */
export type Query = URLSearchParams;

/** The text under `name`, at most `limit` characters. Throws 400 when it is missing and there is no default. */
export function textOf(query: Query, name: string, otherwise?: string): string {
  const text = query.get(name) ?? otherwise;
  if (text === undefined) throw new ConsoleError(400, `${name} is missing`);
  if (text.length > TEXT_MAX) throw new ConsoleError(400, `${name} is too long`);
  return text;
}

/** The whole number under `name`, between the bounds. Throws 400. */
export function wholeOf(query: Query, name: string, bounds: { from: number; to: number; otherwise?: number }): number {
  const text = query.get(name);
  if (text === null && bounds.otherwise !== undefined) return bounds.otherwise;
  const value = text === null || text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isSafeInteger(value) && value >= bounds.from && value <= bounds.to) return value;
  throw new ConsoleError(400, `${name} must be a whole number from ${bounds.from} to ${bounds.to}`);
}

const TEXT_MAX = 4096;
