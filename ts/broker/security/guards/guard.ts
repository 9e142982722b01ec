/**
 * What stands before a handler when there are access rules: a request goes in, what may be done of it reaches the
 * handler, and what may not be done is refused in the reply.
 *
 * Not a decision: that is ../access.ts. To remember: an API without a guard is for super users alone, so that forgetting
 * one closes a door instead of opening it; a guard never tells whether something exists to whom may not know.
 */

import type { AnyHandler, Exchange, Peer, ServedApi } from '../../handler.ts';
import type { LeasedRecords, Writer } from '../../protocol/writer.ts';
import type { Access, Asker } from '../access.ts';
import { CLUSTER_NAME, type OperationNumber, ResourceType } from '../acl.ts';

/** What guards ask of the broker. */
export interface GuardedBroker {
  /** Name of a topic by its id. */
  nameOf(topicId: string): string | undefined;
  hasTopic(name: string): boolean;
  /** auto.create.topics.enable. */
  readonly createsTopics: boolean;
}

/** What one peer may do. */
export class Rights {
  readonly #access: Access;
  readonly #asker: Asker;

  constructor(access: Access, asker: Asker) {
    this.#access = access;
    this.#asker = asker;
  }

  topic(operation: OperationNumber, name: string): boolean {
    return this.#access.may(this.#asker, operation, ResourceType.topic, name);
  }

  group(operation: OperationNumber, name: string): boolean {
    return this.#access.may(this.#asker, operation, ResourceType.group, name);
  }

  transaction(operation: OperationNumber, id: string): boolean {
    return this.#access.may(this.#asker, operation, ResourceType.transactionalId, id);
  }

  cluster(operation: OperationNumber): boolean {
    return this.#access.may(this.#asker, operation, ResourceType.cluster, CLUSTER_NAME);
  }

  /** Whether there can be a topic with which this may be done. */
  anyTopic(operation: OperationNumber): boolean {
    return this.#access.mayAny(this.#asker, operation, ResourceType.topic);
  }

  /** Of these operations, as bits, those that may be done. */
  bits(operations: number, resourceType: number, name: string): number {
    return this.#access.bits(this.#asker, operations, resourceType, name);
  }
}

/** Hands a request, or what is left of it, to the handler. */
export type Pass<Request, Response> = (request: Request, exchange: Exchange<Response>) => void;

export type Guard<Request, Response> = (
  request: Request,
  rights: Rights,
  exchange: Exchange<Response>,
  pass: Pass<Request, Response>,
  broker: GuardedBroker,
) => void;

export type AnyGuard = Guard<unknown, unknown>;

/** One row of the table of guards. */
export function guarding<Request, Response>(
  api: ServedApi<Request, Response>,
  guard: Guard<Request, Response>,
): readonly [number, AnyGuard] {
  return [api.key, guard as AnyGuard];
}

/** An API that everybody may use: it tells and changes nothing that is somebody's. */
export function open<Request, Response>(api: ServedApi<Request, Response>): readonly [number, AnyGuard] {
  return guarding(api, (request, _rights, exchange, pass) => pass(request, exchange));
}

/** Who asks. */
export function askerOf({ security, remoteAddress }: Peer): Asker {
  const host = remoteAddress.startsWith('::ffff:') ? remoteAddress.slice('::ffff:'.length) : remoteAddress;
  return { principal: security.principal, host };
}

/** The handlers behind their guards; as they are when everything is allowed. */
export function guardAll(
  handlers: readonly AnyHandler[],
  guards: ReadonlyMap<number, AnyGuard>,
  access: Access,
  broker: GuardedBroker,
): readonly AnyHandler[] {
  if (!access.isEnabled) return handlers;
  return handlers.map((handler) => {
    const guard = guards.get(handler.api.key) ?? superUsersOnly(handler.api.name);
    const pass: Pass<unknown, unknown> = (request, exchange) => handler.handle(request, exchange);
    const handle: AnyHandler['handle'] = (request, exchange) => {
      guard(request, new Rights(access, askerOf(exchange.peer)), exchange, pass, broker);
    };
    return { ...handler, handle };
  });
}

/** No rule names this resource, so only those pass for whom no rule is needed. */
function superUsersOnly(name: string): AnyGuard {
  return (request, rights, exchange, pass) => {
    if (rights.bits(1, 0, '') === 1) pass(request, exchange);
    else exchange.close(`${name} is for super users`);
  };
}

/** An exchange whose reply is changed before it leaves. */
export function amended<Response>(
  exchange: Exchange<Response>,
  change: (response: Response) => Response,
): Exchange<Response> {
  return new AmendedExchange(exchange, change);
}

class AmendedExchange<Response> implements Exchange<Response> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  readonly peer: Peer;
  readonly #exchange: Exchange<Response>;
  readonly #change: (response: Response) => Response;

  constructor(exchange: Exchange<Response>, change: (response: Response) => Response) {
    this.apiKey = exchange.apiKey;
    this.apiVersion = exchange.apiVersion;
    this.correlationId = exchange.correlationId;
    this.clientId = exchange.clientId;
    this.peer = exchange.peer;
    this.#exchange = exchange;
    this.#change = change;
  }

  get aborted(): boolean {
    return this.#exchange.aborted;
  }

  get onAbort(): (() => void) | null {
    return this.#exchange.onAbort;
  }

  set onAbort(abort: (() => void) | null) {
    this.#exchange.onAbort = abort;
  }

  get onHurry(): (() => void) | null {
    return this.#exchange.onHurry;
  }

  set onHurry(hurry: (() => void) | null) {
    this.#exchange.onHurry = hurry;
  }

  get throttleMs(): number {
    return this.#exchange.throttleMs;
  }

  set throttleMs(ms: number) {
    this.#exchange.throttleMs = ms;
  }

  reply(response: Response, leased?: readonly LeasedRecords[]): void {
    this.#exchange.reply(this.#change(response), leased);
  }

  replyNothing(): void {
    this.#exchange.replyNothing();
  }

  begin(sizeHint: number): Writer {
    return this.#exchange.begin(sizeHint);
  }

  finish(writer: Writer): void {
    this.#exchange.finish(writer);
  }

  close(reason: string): void {
    this.#exchange.close(reason);
  }
}

/** The items for which `may` says yes, and the others. */
export function split<Item>(items: readonly Item[], may: (item: Item) => boolean): [allowed: Item[], denied: Item[]] {
  const allowed: Item[] = [];
  const denied: Item[] = [];
  for (const item of items) (may(item) ? allowed : denied).push(item);
  return [allowed, denied];
}
