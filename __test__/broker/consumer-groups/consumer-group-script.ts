/**
 * The language of the transcripts of newer groups: `verb who key=value ...` drives one group, effects come out as lines.
 *
 * `who` is a member; it remembers its epoch and what it owns, and gives back what it is told to by `beat who`, unless
 * `keeps` is said; then `gives` makes up for it. `says-nothing` sends a heartbeat that leaves out what it owns.
 * `commit who epoch=2 of=t-0+t-1` commits offsets of partitions, `fetch who epoch=2` asks for them.
 */
import { ConsumerGroup } from '../../../ts/broker/consumer-groups/consumer-group.ts';
import type { ConsumerEffect, Heartbeat, HeartbeatReply } from '../../../ts/broker/consumer-groups/heartbeat.ts';
import { each, NO_PARTITIONS, type Partitions } from '../../../ts/broker/consumer-groups/partitions.ts';
import { type ErrorNumber, errorName } from '../../../ts/broker/protocol/error-codes.ts';

interface Client {
  epoch: number;
  owned: Partitions;
}

export class ConsumerGroupScript {
  readonly #topics = new Map<string, { id: string; partitions: number }>();
  readonly #clients = new Map<string, Client>();
  readonly #group = new ConsumerGroup(
    'g',
    { sessionTimeoutMs: 45_000, heartbeatIntervalMs: 5_000, maxSize: 3 },
    { get: (name) => this.#topics.get(name), names: () => this.#topics.keys() },
  );

  /** Runs one command and returns what came out, the state of the group last. */
  run(command: string): string[] {
    const [verb = '', who = '', ...words] = command.split(' ');
    const options = new Map(words.map((word) => [word.split('=')[0] ?? '', word.split('=')[1] ?? '']));
    if (verb === 'topic') {
      const partitions = Number(options.get('partitions') ?? 1);
      if (partitions === 0) this.#topics.delete(who);
      else this.#topics.set(who, { id: who, partitions });
      this.#group.topicsChanged();
      return [this.#state()];
    }
    const out: ConsumerEffect[] = [];
    const lines = this.#perform(verb, who, options, out);
    return [...out.map(effectLine), ...lines, this.#state()];
  }

  #perform(verb: string, who: string, options: Map<string, string>, out: ConsumerEffect[]): string[] {
    if (verb === 'silent') this.#group.sessionExpired(who, out);
    else if (verb === 'late') this.#group.rebalanceExpired(who, out);
    else if (verb === 'commit') return [`${who} <- ${errorName(this.#commit(who, options))}`];
    else if (verb === 'fetch') return [`${who} <- ${errorName(this.#group.check(who, Number(options.get('epoch'))))}`];
    else return this.#beat(verb, who, options, out);
    return [];
  }

  #commit(who: string, options: Map<string, string>): ErrorNumber {
    const partitions = (options.get('of')?.split('+') ?? []).map((one) => {
      const [topicId = '', partition = ''] = one.split('-');
      return { topicId, partition: Number(partition) };
    });
    return this.#group.checkCommit(who, Number(options.get('epoch')), partitions);
  }

  #beat(verb: string, who: string, options: Map<string, string>, out: ConsumerEffect[]): string[] {
    const client = this.#clients.get(who) ?? { epoch: 0, owned: NO_PARTITIONS };
    if (verb === 'join') Object.assign(client, { epoch: 0, owned: NO_PARTITIONS });
    this.#clients.set(who, client);
    if (options.has('gives')) client.owned = this.#group.members.get(who)?.assigned ?? NO_PARTITIONS;
    const epochs: Record<string, number> = { join: 0, leave: -1, pause: -2 };
    const epoch = Number(options.get('epoch') ?? epochs[verb] ?? client.epoch);
    const reply = this.#group.heartbeat(this.#request(verb, who, epoch, client, options), out);
    if (reply.error === 0 && epoch >= 0) client.epoch = reply.memberEpoch;
    if (reply.assigned !== null && !options.has('keeps')) client.owned = reply.assigned;
    return [replyLine(who, reply)];
  }

  #request(verb: string, who: string, epoch: number, client: Client, options: Map<string, string>): Heartbeat {
    const isJoin = verb === 'join';
    return {
      memberId: who,
      memberEpoch: epoch,
      instanceId: options.get('instance') ?? null,
      rackId: null,
      clientId: 'c',
      clientHost: 'h',
      rebalanceTimeoutMs: isJoin ? 60_000 : -1,
      topicNames: options.get('topics')?.split('+') ?? (isJoin ? [] : null),
      topicPattern: options.get('pattern') ?? null,
      assignor: options.get('assignor') ?? null,
      owned: options.has('says-nothing') ? null : client.owned,
    };
  }

  #state(): string {
    const { state, epoch, assignmentEpoch, members } = this.#group;
    const each = [...members.values()].map((member) => {
      const gives = member.revoking.size > 0 ? ` gives ${text(member.revoking)}` : '';
      return `${member.id}@${member.epoch} ${member.state} ${text(member.assigned)}${gives}`;
    });
    return `= ${state} epoch ${epoch}, assigned for ${assignmentEpoch}: ${each.join('; ') || 'nobody'}`;
  }
}

function effectLine(effect: ConsumerEffect): string {
  const { timer, memberId } = effect;
  return `timer ${timer} ${memberId}: ${effect.kind === 'setTimer' ? `${effect.delayMs} ms` : 'off'}`;
}

function replyLine(who: string, reply: HeartbeatReply): string {
  if (reply.error !== 0)
    return `${who} <- ${errorName(reply.error)}${reply.message === null ? '' : ` ${reply.message}`}`;
  const has = reply.assigned === null ? '' : ` has ${text(reply.assigned)}`;
  return `${who} <- epoch ${reply.memberEpoch}${has}`;
}

function text(partitions: Partitions): string {
  return (
    [...each(partitions)]
      .map(([topic, partition]) => `${topic}-${partition}`)
      .sort()
      .join(',') || 'nothing'
  );
}
