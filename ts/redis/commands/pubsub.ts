/** Publishing and subscribing. To remember: there is one confirmation for each channel, and they are pushes in RESP3. */

import type { Client } from '../client.ts';
import type { Call, Command } from '../command.ts';
import { CommandError } from '../protocol/errors.ts';
import { globMatches } from '../protocol/glob.ts';
import type { RedisHost } from '../redis-host.ts';
import { at } from './arguments.ts';

const SUBSCRIPTIONS_MAX = 100_000;

function confirm({ client, reply }: Call, kind: string, channel: Buffer | null): void {
  reply.push(3);
  reply.text(kind);
  reply.bulkOrNull(channel);
  reply.integer(client.channels.size + client.patterns.size);
}

function subscribe(isPattern: boolean): (call: Call) => void {
  return (call) => {
    const { args, client, host } = call;
    if (client.channels.size + client.patterns.size + args.length > SUBSCRIPTIONS_MAX) {
      throw new CommandError('ERR too many subscriptions');
    }
    for (const channel of args.slice(1)) {
      host.pubsub.subscribe(client, channel.toString('latin1'), isPattern);
      confirm(call, isPattern ? 'psubscribe' : 'subscribe', channel);
    }
  };
}

function unsubscribe(isPattern: boolean): (call: Call) => void {
  return (call) => {
    const { args, client, host } = call;
    const kind = isPattern ? 'punsubscribe' : 'unsubscribe';
    const own = [...(isPattern ? client.patterns : client.channels)].map((text) => Buffer.from(text, 'latin1'));
    const channels = args.length > 1 ? args.slice(1) : own;
    for (const channel of channels) {
      host.pubsub.unsubscribe(client, channel.toString('latin1'), isPattern);
      confirm(call, kind, channel);
    }
    if (channels.length === 0) confirm(call, kind, null);
  };
}

/** A client listens to nothing any more. */
export function unsubscribeAll(host: RedisHost, client: Client): void {
  host.pubsub.forget(client);
}

function channels({ args, host, reply }: Call): void {
  const pattern = args[2];
  const names = [...host.pubsub.channels.keys()]
    .map((text) => Buffer.from(text, 'latin1'))
    .filter((name) => pattern === undefined || globMatches(pattern, name));
  reply.array(names.length);
  for (const name of names) reply.bulk(name);
}

function counts({ args, host, reply }: Call): void {
  reply.array((args.length - 2) * 2);
  for (const channel of args.slice(2)) {
    reply.bulk(channel);
    reply.integer(host.pubsub.channels.get(channel.toString('latin1'))?.size ?? 0);
  }
}

const shared = { flags: ['pubsub', 'loading', 'stale'], group: 'pubsub' } as const;
const own = { flags: ['pubsub', 'noscript', 'loading', 'stale'], group: 'pubsub' } as const;

export const pubsubCommands: readonly Command[] = [
  {
    ...own,
    name: 'subscribe',
    arity: -2,
    since: '2.0.0',
    summary: 'Listens for messages published to channels.',
    run: subscribe(false),
  },
  {
    ...own,
    name: 'unsubscribe',
    arity: -1,
    since: '2.0.0',
    summary: 'Stops listening to messages posted to channels.',
    run: unsubscribe(false),
  },
  {
    ...own,
    name: 'psubscribe',
    arity: -2,
    since: '2.0.0',
    summary: 'Listens for messages published to channels that match one or more patterns.',
    run: subscribe(true),
  },
  {
    ...own,
    name: 'punsubscribe',
    arity: -1,
    since: '2.0.0',
    summary: 'Stops listening to messages published to channels that match one or more patterns.',
    run: unsubscribe(true),
  },
  {
    name: 'publish',
    arity: 3,
    flags: ['pubsub', 'loading', 'stale', 'fast'],
    group: 'pubsub',
    since: '2.0.0',
    summary: 'Posts a message to a channel.',
    run: ({ args, host, reply }) => reply.integer(host.pubsub.publish(at(args, 1), at(args, 2))),
  },
  {
    name: 'pubsub',
    arity: -2,
    flags: [],
    group: 'pubsub',
    since: '2.8.0',
    summary: 'A container for Pub/Sub commands.',
    subcommands: [
      {
        ...shared,
        name: 'channels',
        arity: -2,
        since: '2.8.0',
        summary: 'Returns the active channels.',
        run: channels,
      },
      {
        ...shared,
        name: 'numsub',
        arity: -2,
        since: '2.8.0',
        summary: 'Returns a count of subscribers to channels.',
        run: counts,
      },
      {
        ...shared,
        name: 'numpat',
        arity: 2,
        since: '2.8.0',
        summary: 'Returns a count of unique pattern subscriptions.',
        run: ({ host, reply }) => reply.integer(host.pubsub.patterns.size),
      },
    ],
  },
];
