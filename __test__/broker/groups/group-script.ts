/**
 * The language of the group transcripts: `verb who key=value ...` drives one group, effects come out as lines.
 *
 * `who` is a client; it remembers the member id and the generation it was told last. A new member of `who` gets the id
 * `who-1`, the next one `who-2`.
 */
import type { GroupEffect, GroupSettings } from '../../../ts/broker/groups/events.ts';
import { Group } from '../../../ts/broker/groups/group.ts';
import type { GroupRecord } from '../../../ts/broker/groups/group-record.ts';
import { ErrorCode, errorName } from '../../../ts/broker/protocol/error-codes.ts';

interface Client {
  memberId: string;
  generation: number;
  made: number;
}

const text = new TextDecoder();
const bytes = new TextEncoder();

export class GroupScript {
  #group: Group | undefined;
  readonly #clients = new Map<string, Client>();
  #storeWaits = false;
  readonly #storing: number[] = [];
  #record: GroupRecord | undefined;
  #settings: GroupSettings = {
    initialRebalanceDelayMs: 0,
    minSessionTimeoutMs: 6000,
    maxSessionTimeoutMs: 1_800_000,
    maxSize: 3,
    newMemberJoinTimeoutMs: 300_000,
  };

  /** Runs one command and returns what came out, the state of the group last. */
  run(command: string): string[] {
    const [verb = '', ...words] = command.split(' ');
    const options = new Map(words.filter((word) => word.includes('=')).map((word) => splitOnce(word, '=')));
    const plain = words.filter((word) => !word.includes('='));
    if (verb === 'settings') {
      this.#settings = { ...this.#settings, initialRebalanceDelayMs: Number(options.get('initialDelay') ?? 0) };
      return [`initial delay ${this.#settings.initialRebalanceDelayMs} ms`];
    }
    if (verb === 'store') {
      this.#storeWaits = plain[0] === 'waits';
      return [`the store ${this.#storeWaits ? 'waits' : 'answers at once'}`];
    }
    this.#group ??= new Group('g', this.#settings);
    const out: GroupEffect[] = [];
    const answer = this.#perform(this.#group, verb, plain, options, out);
    const lines: string[] = [];
    // The store answers at once, unless the transcript holds it back: then `stored` and `not-stored` answer.
    for (let effect = out.shift(); effect; effect = out.shift()) {
      lines.push(this.#describe(effect));
      if (effect.kind !== 'store' || effect.token === 0) continue;
      if (this.#storeWaits) this.#storing.push(effect.token);
      else this.#group?.stored(effect.token, ErrorCode.NONE, out);
    }
    return [...lines, ...(answer === undefined ? [] : [answer]), stateOf(this.#group as Group)];
  }

  #perform(group: Group, verb: string, plain: string[], options: Map<string, string>, out: GroupEffect[]) {
    const who = plain[0] ?? '';
    const client = this.#client(who);
    const memberId = options.get('id') ?? client.memberId;
    const instanceId = options.get('instance') ?? null;
    const generation = Number(options.get('generation') ?? client.generation);
    switch (verb) {
      case 'join':
        this.#join(group, who, plain, options, out);
        return undefined;
      case 'sync': {
        const assignments = list(options.get('assign')).map(([id, part]) => ({
          memberId: id,
          assignment: bytes.encode(part),
        }));
        const protocolName = options.get('protocol') ?? null;
        group.sync(
          { waiter: who, memberId, instanceId, generation, protocolType: null, protocolName, assignments },
          out,
        );
        return undefined;
      }
      case 'stored':
      case 'not-stored':
        group.stored(
          this.#storing.shift() ?? -1,
          verb === 'stored' ? ErrorCode.NONE : ErrorCode.COORDINATOR_NOT_AVAILABLE,
          out,
        );
        return undefined;
      case 'kill':
        this.#group = new Group('g', this.#settings);
        if (this.#record) this.#group.restore(this.#record, out);
        return undefined;
      case 'heartbeat':
        return errorName(group.heartbeat({ memberId, instanceId, generation }, out));
      case 'commit':
        return errorName(group.commit({ memberId, instanceId, generation }, out));
      case 'leave':
        return errorName(group.leave(memberId, instanceId, out));
      case 'session-ends':
        group.sessionExpired(memberId, out);
        return undefined;
      case 'rebalance-time-ends':
        group.rebalanceExpired(out);
        return undefined;
      case 'sync-time-ends':
        group.syncExpired(out);
        return undefined;
      default:
        throw new Error(`no verb ${verb}`);
    }
  }

  #join(group: Group, who: string, plain: string[], options: Map<string, string>, out: GroupEffect[]): void {
    const client = this.#client(who);
    const memberId = options.get('id') ?? (plain.includes('anew') ? '' : client.memberId);
    if (memberId === '') client.made++;
    const protocols = list(options.get('protocols') ?? 'range:x');
    group.join(
      {
        waiter: who,
        memberId,
        newMemberId: `${who}-${client.made}`,
        instanceId: options.get('instance') ?? null,
        clientId: who,
        clientHost: 'host',
        sessionTimeoutMs: Number(options.get('session') ?? 10_000),
        rebalanceTimeoutMs: Number(options.get('rebalance') ?? 60_000),
        protocolType: options.get('type') ?? 'consumer',
        protocols: protocols.map(([name, metadata]) => ({ name, metadata: bytes.encode(metadata) })),
        requireKnownMember: !plain.includes('old'),
        canSkipAssignment: plain.includes('v9'),
      },
      out,
    );
  }

  #client(who: string): Client {
    const known = this.#clients.get(who);
    if (known) return known;
    const client = { memberId: '', generation: -1, made: 0 };
    this.#clients.set(who, client);
    return client;
  }

  #describe(effect: GroupEffect): string {
    switch (effect.kind) {
      case 'setTimer':
        return `timer ${effect.timer}${effect.memberId === '' ? '' : ` ${effect.memberId}`}: ${effect.delayMs} ms`;
      case 'cancelTimer':
        return `timer ${effect.timer}${effect.memberId === '' ? '' : ` ${effect.memberId}`}: off`;
      case 'store': {
        this.#record = effect.record;
        const { generation, leaderId, members } = effect.record;
        const parts = members.map((member) => `${member.id}:${text.decode(member.assignment)}`);
        return `store generation ${generation} leader ${leaderId}, members ${parts.join(' ') || 'none'}`;
      }
      case 'syncReply': {
        const { error, assignment } = effect.result;
        const rest = error === 0 ? ` assignment "${text.decode(assignment)}"` : '';
        return `${effect.waiter} <- sync ${errorName(error)}${rest}`;
      }
      case 'joinReply': {
        const { result } = effect;
        const client = this.#client(effect.waiter as string);
        client.memberId = result.memberId;
        if (result.error !== 0) return `${effect.waiter} <- join ${errorName(result.error)} id=${result.memberId}`;
        client.generation = result.generation;
        const members = result.members.map((member) => `${member.memberId}:${text.decode(member.metadata)}`);
        const skip = result.skipAssignment ? ', keep the assignment' : '';
        const led = members.length > 0 ? `, members ${members.join(' ')}` : '';
        return (
          `${effect.waiter} <- join NONE id=${result.memberId} generation ${result.generation} ` +
          `${result.protocolName} leader ${result.leaderId}${led}${skip}`
        );
      }
    }
  }
}

function stateOf(group: Group): string {
  const pending = group.pendingMembers.size > 0 ? ` + ${group.pendingMembers.size} reserved` : '';
  return `= ${group.state} generation ${group.generation}, ${group.members.size} members${pending}`;
}

function list(value: string | undefined): [string, string][] {
  return value ? value.split(',').map((item) => splitOnce(item, ':')) : [];
}

function splitOnce(value: string, mark: string): [string, string] {
  const at = value.indexOf(mark);
  return at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
}
