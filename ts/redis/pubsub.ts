/**
 * Channels, patterns, and who listens.
 *
 * Nothing is stored. To remember: a message goes to whoever listens now, behind the reply that its client is getting; a
 * client that does not read is closed when too much waits for it.
 */

import type { Client } from './client.ts';
import { globMatches } from './protocol/glob.ts';

/** Sends a message of several bulk strings to a client, as a push where it knows those. */
export type PushTo = (client: Client, parts: readonly (Buffer | null)[]) => void;

const MESSAGE = Buffer.from('message');
const PATTERN_MESSAGE = Buffer.from('pmessage');

export class PubSub {
  /** Channels by their bytes as characters. */
  readonly channels: Map<string, Set<Client>> = new Map();
  readonly patterns: Map<string, Set<Client>> = new Map();
  readonly #push: PushTo;

  constructor(push: PushTo) {
    this.#push = push;
  }

  subscribe(client: Client, channel: string, isPattern: boolean): void {
    const [own, all] = isPattern ? [client.patterns, this.patterns] : [client.channels, this.channels];
    own.add(channel);
    const listeners = all.get(channel);
    if (listeners) listeners.add(client);
    else all.set(channel, new Set([client]));
  }

  unsubscribe(client: Client, channel: string, isPattern: boolean): void {
    const [own, all] = isPattern ? [client.patterns, this.patterns] : [client.channels, this.channels];
    own.delete(channel);
    const listeners = all.get(channel);
    listeners?.delete(client);
    if (listeners?.size === 0) all.delete(channel);
  }

  /** The connection is gone. */
  forget(client: Client): void {
    for (const channel of [...client.channels]) this.unsubscribe(client, channel, false);
    for (const pattern of [...client.patterns]) this.unsubscribe(client, pattern, true);
  }

  /** Sends a message to all who listen; answers how many got it. */
  publish(channel: Buffer, message: Buffer): number {
    let count = 0;
    const listeners = this.channels.get(channel.toString('latin1'));
    if (listeners) {
      for (const client of listeners) this.#push(client, [MESSAGE, channel, message]);
      count += listeners.size;
    }
    for (const [text, clients] of this.patterns) {
      const pattern = Buffer.from(text, 'latin1');
      if (!globMatches(pattern, channel)) continue;
      for (const client of clients) this.#push(client, [PATTERN_MESSAGE, pattern, channel, message]);
      count += clients.size;
    }
    return count;
  }
}
