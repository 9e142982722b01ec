/**
 * One step of the comparison with Apache Kafka: a request in every version, and what later steps keep of its answer.
 *
 * Not how it is sent (player.ts). To remember: a step that changes something uses a name of its own for each version, so
 * that every version begins with the same state on both sides.
 */
import type { Api, Complete, Sparse } from '../../../../ts/broker/protocol/api.ts';

/** What earlier answers have told; texts and numbers that differ from broker to broker. */
export type Notes = Map<string, string | number>;

/** An API of which the request and the answer are known to its steps only. */
export type AnyApi = Api<unknown, unknown>;

export interface Step {
  readonly name: string;
  readonly api: AnyApi;
  /** Lowest and highest version; all that both sides serve when left out. */
  readonly versions: readonly [number, number] | undefined;
  /** Kafka needs a moment after it until everybody knows. */
  readonly changes: boolean;
  ask(version: number, notes: Notes): object;
  keep(answer: unknown, notes: Notes, version: number): void;
}

interface More<Response> {
  readonly versions?: readonly [number, number];
  readonly changes?: true;
  readonly keep?: (answer: Complete<Response>, notes: Notes, version: number) => void;
}

/** Declares one step. */
export function step<Request, Response>(
  api: Api<Request, Response>,
  name: string,
  ask: (version: number, notes: Notes) => Sparse<Request>,
  more: More<Response> = {},
): Step {
  return {
    name,
    api: api as AnyApi,
    versions: more.versions,
    changes: more.changes === true,
    ask: ask as (version: number, notes: Notes) => object,
    keep: (answer, notes, version) => more.keep?.(answer as Complete<Response>, notes, version),
  };
}

/** A step needs what no earlier answer has told. */
export class NotToldError extends Error {}

/** What was kept under `name`. Throws `NotToldError`. */
export function noted(notes: Notes, name: string): string | number {
  const value = notes.get(name);
  if (value === undefined) throw new NotToldError(`no answer has told ${name}`);
  return value;
}

/** One frame that no codec writes: what the broker does with it. */
export interface RawStep {
  readonly name: string;
  /** The frame behind its length prefix. */
  readonly frame: Uint8Array;
}
