/**
 * What a server is made of, for what is built around it: metrics, test broker.
 *
 * Not public, and nobody's to close but the server's. To remember: a server that `serve` has not made has no parts.
 */

import type { Broker } from './broker/broker.ts';
import { MillraceError } from './errors.ts';
import type { NodeEngine } from './io/engine.ts';
import type { FlushPolicy } from './log/types.ts';

/** The parts of a running server. */
export interface ServerParts {
  readonly engine: NodeEngine;
  readonly broker: Broker;
  /** Where Kafka is served. */
  readonly kafka: { readonly host: string; readonly port: number };
  /** The data directory; undefined on a simulated disk, which has no room to be asked for. */
  readonly dir: string | undefined;
  /** As it was set last. */
  readonly flush: FlushPolicy;
  /** Clients of Kafka or Redis have to show who they are: what is theirs is shown to nobody who has not. */
  readonly knowsClients: boolean;
  /** As `MillraceServer.counters`. */
  counters(): Record<string, number>;
}

const partsByServer = new WeakMap<object, ServerParts>();

/** Remembers the parts of `server`, for as long as it is referred to. */
export function setParts(server: object, parts: ServerParts): void {
  partsByServer.set(server, parts);
}

/** The parts of a server made by `serve`. Throws MILLRACE_ARGUMENT for anything else. */
export function partsOf(server: object): ServerParts {
  const parts = partsByServer.get(server);
  if (!parts) throw new MillraceError('MILLRACE_ARGUMENT', 'this is no server made by serve');
  return parts;
}
