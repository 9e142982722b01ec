/** CLIENT: what a connection says of itself, what it sees of the others, and what they may hold copies of. */

import type { Client } from '../client.ts';
import type { Call, Command } from '../command.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import type { RedisHost } from '../redis-host.ts';
import { at, integer, word } from './arguments.ts';
import { checkName } from './connection.ts';

/** The letters of CLIENT LIST. */
function flagsOf(client: Client, isBlocked: boolean): string {
  let flags = '';
  if (client.isMonitor) flags += 'O';
  if (isBlocked) flags += 'b';
  if (client.isSubscribed) flags += 'P';
  if (client.queue !== null) flags += 'x';
  if (client.tracking !== null) flags += client.tracking.isBroadcast ? 'tB' : 't';
  if (client.isDirty) flags += 'd';
  if (client.isNoEvict) flags += 'e';
  if (client.isNoTouch) flags += 'T';
  return flags === '' ? 'N' : flags;
}

function describe(client: Client, host: RedisHost): string {
  const { remoteAddress, remotePort, localAddress, localPort } = client.transport.addresses;
  const now = Date.now();
  const fields: [string, string | number][] = [
    ['id', client.id],
    ['addr', `${remoteAddress}:${remotePort}`],
    ['laddr', `${localAddress}:${localPort}`],
    ['fd', client.id],
    ['name', client.name.toString('latin1')],
    ['age', Math.floor((now - client.createdMs) / 1000)],
    ['idle', Math.floor((now - client.lastMs) / 1000)],
    ['flags', flagsOf(client, host.blocked.has(client))],
    ['db', client.db.index],
    ['sub', client.channels.size],
    ['psub', client.patterns.size],
    ['ssub', 0],
    ['multi', client.queue?.length ?? -1],
    ['watch', client.watched.length],
    ['qbuf', client.parser.heldBytes],
    ['qbuf-free', 0],
    ['argv-mem', 0],
    ['multi-mem', client.queueBytes],
    ['rbs', 0],
    ['rbp', 0],
    ['obl', client.heldBytes],
    ['oll', 0],
    ['omem', client.unsent],
    ['tot-mem', client.parser.heldBytes + client.unsent],
    ['events', 'r'],
    ['cmd', client.lastCommand],
    ['user', 'default'],
    ['redir', client.tracking?.redirect ?? -1],
    ['resp', client.protocol],
    ['lib-name', client.libName],
    ['lib-ver', client.libVersion],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(' ');
}

function list({ args, host, reply }: Call): void {
  host.refreshClients();
  let clients = [...host.clients.values()];
  const option = word(args[2]);
  if (option === 'TYPE' && args.length === 4) {
    const type = word(args[3]).toLowerCase();
    if (!['normal', 'master', 'replica', 'slave', 'pubsub'].includes(type)) {
      throw new CommandError(`ERR Unknown client type '${type}'`);
    }
    clients = clients.filter((client) => type === (client.isSubscribed ? 'pubsub' : 'normal'));
  } else if (option === 'ID' && args.length > 3) {
    const ids = args.slice(3).map((arg) => integer(arg, 'ERR Invalid client ID'));
    clients = ids.flatMap((id) => host.clients.get(id) ?? []);
  } else if (args.length > 2) {
    throw new CommandError(errors.syntax);
  }
  reply.verbatim(clients.map((client) => `${describe(client, host)}\n`).join(''));
}

function setInfo({ args, client, reply }: Call): void {
  const name = word(args[2]);
  const value = at(args, 3);
  if (name !== 'LIB-NAME' && name !== 'LIB-VER') {
    throw new CommandError(`ERR Unrecognized option '${name.toLowerCase()}'`);
  }
  for (const byte of value) {
    if (byte < 33 || byte > 126) {
      throw new CommandError(`ERR ${name.toLowerCase()} cannot contain spaces, newlines or special characters.`);
    }
  }
  if (name === 'LIB-NAME') client.libName = value.toString('latin1');
  else client.libVersion = value.toString('latin1');
  reply.ok();
}

/** What CLIENT KILL may ask of the connections it ends. */
function killFilter(call: Call): (client: Client) => boolean {
  const { args, client: own } = call;
  const tests: ((client: Client) => boolean)[] = [];
  let skipsMe = true;
  for (let index = 2; index < args.length; index += 2) {
    const name = word(args[index]);
    const value = at(args, index + 1);
    const text = value.toString('latin1');
    if (name === 'ID') {
      const id = integer(value, 'ERR client-id should be greater than 0');
      if (id < 1) throw new CommandError('ERR client-id should be greater than 0');
      tests.push((client) => client.id === id);
    } else if (name === 'ADDR') {
      tests.push((client) => addressOf(client) === text);
    } else if (name === 'LADDR') {
      tests.push(({ transport: { addresses } }) => `${addresses.localAddress}:${addresses.localPort}` === text);
    } else if (name === 'TYPE') {
      tests.push((client) => text.toLowerCase() === (client.isSubscribed ? 'pubsub' : 'normal'));
    } else if (name === 'USER') {
      tests.push(() => text === 'default');
    } else if (name === 'SKIPME' && /^(yes|no)$/i.test(text)) {
      skipsMe = text.toLowerCase() === 'yes';
    } else {
      throw new CommandError(errors.syntax);
    }
  }
  return (client) => !(skipsMe && client === own) && tests.every((test) => test(client));
}

function addressOf({ transport }: Client): string {
  return `${transport.addresses.remoteAddress}:${transport.addresses.remotePort}`;
}

function kill(call: Call): void {
  const { args, client: own, host, reply } = call;
  const isOld = args.length === 3;
  const address = isOld ? at(args, 2).toString('latin1') : '';
  if (!isOld && args.length % 2 === 1) throw new CommandError(errors.syntax);
  const filter = isOld ? (client: Client) => addressOf(client) === address : killFilter(call);
  const victims = [...host.clients.values()].filter(filter);
  if (isOld && victims.length === 0) throw new CommandError(errors.noClient);
  if (isOld) reply.ok();
  else reply.integer(victims.length);
  for (const victim of victims) {
    if (victim === own) host.end(victim);
    else victim.close();
  }
}

function unblock({ args, host, reply }: Call): void {
  const id = integer(at(args, 2));
  const reason = args.length === 3 ? 'TIMEOUT' : word(args[3]);
  if (args.length > 4 || !['TIMEOUT', 'ERROR'].includes(reason)) {
    throw new CommandError('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
  }
  const blocked = host.clients.get(id);
  const step = (call: Call): void => {
    if (reason === 'TIMEOUT') call.reply.nullArray();
    else call.reply.error('UNBLOCKED client unblocked via CLIENT UNBLOCK');
  };
  reply.integer(blocked !== undefined && host.blocked.release(blocked, step) ? 1 : 0);
}

function replyMode({ args, client, reply }: Call): void {
  const mode = word(args[2]);
  if (mode === 'ON') {
    client.replies = 'on';
    reply.ok();
  } else if (mode === 'OFF') {
    client.replies = 'off';
  } else if (mode === 'SKIP') {
    if (client.replies !== 'off') client.replies = 'skip-next';
  } else {
    throw new CommandError(errors.syntax);
  }
}

function tracking(call: Call): void {
  const { args, client, host, reply } = call;
  const mode = word(args[2]);
  if (mode === 'OFF') {
    host.tracking.stop(client);
    host.refreshWatched();
    reply.ok();
    return;
  }
  if (mode !== 'ON') throw new CommandError(errors.syntax);
  const options = trackingOptions(call);
  const present = client.tracking;
  if (present !== null && present.isBroadcast !== options.isBroadcast) {
    throw new CommandError(
      "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
    );
  }
  host.tracking.start(client, options);
  host.refreshWatched();
  reply.ok();
}

function trackingOptions({ args, host }: Call): NonNullable<Client['tracking']> {
  let [isBroadcast, noLoop, redirect] = [false, false, 0];
  let mode: 'all' | 'optin' | 'optout' = 'all';
  const prefixes: string[] = [];
  for (let index = 3; index < args.length; index += 1) {
    const name = word(args[index]);
    if (name === 'REDIRECT' && index + 1 < args.length) {
      index += 1;
      redirect = integer(at(args, index), 'ERR Invalid client ID');
      if (!host.clients.has(redirect)) {
        throw new CommandError('ERR The client ID you want redirect to does not exist');
      }
    } else if (name === 'BCAST') isBroadcast = true;
    else if (name === 'NOLOOP') noLoop = true;
    else if (name === 'OPTIN' && mode !== 'optout') mode = 'optin';
    else if (name === 'OPTOUT' && mode !== 'optin') mode = 'optout';
    else if (name === 'PREFIX' && index + 1 < args.length) {
      index += 1;
      prefixes.push(at(args, index).toString('latin1'));
    } else throw new CommandError(errors.syntax);
  }
  if (prefixes.length > 0 && !isBroadcast) {
    throw new CommandError('ERR PREFIX option requires BCAST mode to be enabled');
  }
  if (isBroadcast && mode !== 'all') throw new CommandError('ERR OPTIN and OPTOUT are not compatible with BCAST');
  return { isBroadcast, noLoop, redirect, mode, prefixes, caching: null };
}

function trackingInfo({ client: { tracking: state }, reply }: Call): void {
  const flags = state === null ? ['off'] : ['on'];
  if (state?.isBroadcast) flags.push('bcast');
  if (state?.mode === 'optin' || state?.mode === 'optout') flags.push(state.mode);
  if (state?.caching === true) flags.push('caching-yes');
  if (state?.caching === false) flags.push('caching-no');
  if (state?.noLoop) flags.push('noloop');
  reply.map(3);
  reply.text('flags');
  reply.set(flags.length);
  for (const flag of flags) reply.text(flag);
  reply.text('redirect');
  reply.integer(state === null ? -1 : state.redirect);
  reply.text('prefixes');
  reply.array(state?.prefixes.length ?? 0);
  for (const prefix of state?.prefixes ?? []) reply.text(prefix);
}

function caching({ args, client, reply }: Call): void {
  const { tracking: state } = client;
  const mode = word(args[2]);
  const isYes = mode === 'YES';
  if (!isYes && mode !== 'NO') throw new CommandError(errors.syntax);
  if (state === null || state.mode === 'all') {
    throw new CommandError(
      'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
    );
  }
  if (isYes !== (state.mode === 'optin')) {
    throw new CommandError(
      `ERR CLIENT CACHING ${mode} is only valid when tracking is enabled in ${isYes ? 'OPTIN' : 'OPTOUT'} mode.`,
    );
  }
  state.caching = isYes;
  reply.ok();
}

const shared = { flags: ['noscript', 'loading', 'stale'], group: 'connection' } as const;

export const clientCommands: readonly Command[] = [
  {
    name: 'client',
    arity: -2,
    flags: [],
    group: 'connection',
    since: '2.4.0',
    summary: 'A container for client connection commands.',
    subcommands: [
      {
        ...shared,
        name: 'id',
        arity: 2,
        since: '5.0.0',
        summary: 'Returns the unique client ID of the connection.',
        run: ({ client, reply }) => reply.integer(client.id),
      },
      {
        ...shared,
        name: 'getname',
        arity: 2,
        since: '2.6.9',
        summary: 'Returns the name of the connection.',
        run: ({ client, reply }) => reply.bulkOrNull(client.name.length === 0 ? null : client.name),
      },
      {
        ...shared,
        name: 'setname',
        arity: 3,
        since: '2.6.9',
        summary: 'Sets the connection name.',
        run: ({ args, client, reply }) => {
          checkName(at(args, 2));
          client.name = Buffer.from(at(args, 2));
          reply.ok();
        },
      },
      {
        ...shared,
        name: 'setinfo',
        arity: 4,
        since: '7.2.0',
        summary: 'Sets information specific to the client or connection.',
        run: setInfo,
      },
      {
        ...shared,
        name: 'list',
        arity: -2,
        since: '2.4.0',
        summary: 'Lists open connections.',
        run: list,
      },
      {
        ...shared,
        name: 'info',
        arity: 2,
        since: '6.2.0',
        summary: 'Returns information about the connection.',
        run: ({ client, host, reply }) => reply.verbatim(`${describe(client, host)}\n`),
      },
      { ...shared, name: 'kill', arity: -3, since: '2.4.0', summary: 'Terminates open connections.', run: kill },
      {
        ...shared,
        name: 'unblock',
        arity: -3,
        since: '5.0.0',
        summary: 'Unblocks a client blocked by a blocking command from a different connection.',
        run: unblock,
      },
      {
        ...shared,
        name: 'no-evict',
        arity: 3,
        since: '7.0.0',
        summary: 'Sets the client eviction mode of the connection.',
        note: 'kept and shown; clients are not evicted by memory',
        run: ({ args, client, reply }) => {
          const mode = word(args[2]);
          if (mode !== 'ON' && mode !== 'OFF') throw new CommandError(errors.syntax);
          client.isNoEvict = mode === 'ON';
          reply.ok();
        },
      },
      {
        ...shared,
        name: 'no-touch',
        arity: 3,
        since: '7.2.0',
        summary: 'Controls whether commands of the connection count as uses of keys, for LRU and LFU.',
        run: ({ args, client, reply }) => {
          const mode = word(args[2]);
          if (mode !== 'ON' && mode !== 'OFF') throw new CommandError(errors.syntax);
          client.isNoTouch = mode === 'ON';
          reply.ok();
        },
      },
      {
        ...shared,
        name: 'reply',
        arity: 3,
        since: '3.2.0',
        summary: 'Instructs the server whether to reply to commands.',
        run: replyMode,
      },
      {
        ...shared,
        name: 'tracking',
        arity: -3,
        since: '6.0.0',
        summary: 'Controls server-assisted client-side caching for the connection.',
        run: tracking,
      },
      {
        ...shared,
        name: 'trackinginfo',
        arity: 2,
        since: '6.2.0',
        summary: 'Returns information about server-assisted client-side caching for the connection.',
        run: trackingInfo,
      },
      {
        ...shared,
        name: 'caching',
        arity: 3,
        since: '6.0.0',
        summary: 'Instructs the server whether to track the keys in the next request.',
        run: caching,
      },
      {
        ...shared,
        name: 'getredir',
        arity: 2,
        since: '6.0.0',
        summary: "Returns the client ID to which the connection's tracking notifications are redirected.",
        run: ({ client, reply }) => reply.integer(client.tracking === null ? -1 : client.tracking.redirect),
      },
    ],
  },
];
