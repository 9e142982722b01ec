/**
 * The language of the transaction transcripts: `verb who key=value ...` drives one transactional id, effects come out as
 * lines.
 *
 * `who` is a producer; it remembers the id and epoch it was told last. The store answers at once, unless `store waits`;
 * then `stored`, `not-stored`, `ended` and `not-ended` answer. `restart` goes on in the next process with what was stored.
 */
import { ErrorCode, type ErrorNumber, errorName } from '../../../ts/broker/protocol/error-codes.ts';
import type { TransactionEffect } from '../../../ts/broker/transactions/events.ts';
import { EPOCH_MAX, Transaction } from '../../../ts/broker/transactions/transaction.ts';
import type { TransactionRecord } from '../../../ts/broker/transactions/transaction-record.ts';

interface Producer {
  producerId: number;
  epoch: number;
}

export class TransactionScript {
  #transaction = new Transaction('x');
  #record: TransactionRecord | undefined;
  readonly #producers = new Map<string, Producer>();
  #nextId = 7;
  #nowMs = 1000;
  #storeWaits = false;
  readonly #bumping = new Set<string>();

  /** Runs one command and returns what came out, the state last. */
  run(command: string): string[] {
    const [verb = '', who = '', ...words] = command.split(' ');
    const options = new Map(words.map((word) => word.split('=') as [string, string]));
    if (verb === 'store') {
      this.#storeWaits = who === 'waits';
      return [`the store ${this.#storeWaits ? 'waits' : 'answers at once'}`];
    }
    if (verb === 'epoch') {
      // As if it had been bumped that often.
      this.#transaction.epoch = Number(who);
      return [this.#state()];
    }
    const out: TransactionEffect[] = [];
    const answer = this.#perform(verb, who, options, out);
    const lines = answer === undefined ? [] : [answer];
    for (let effect = out.shift(); effect; effect = out.shift()) {
      lines.push(this.#describe(effect));
      if (this.#storeWaits) continue;
      if (effect.kind === 'store') this.#transaction.stored(ErrorCode.NONE, out);
      if (effect.kind === 'end') this.#transaction.ended(ErrorCode.NONE, out);
    }
    return [...lines, this.#state()];
  }

  #perform(
    verb: string,
    who: string,
    options: ReadonlyMap<string, string>,
    out: TransactionEffect[],
  ): string | undefined {
    const transaction = this.#transaction;
    const claim = this.#producers.get(who) ?? { producerId: -1, epoch: -1 };
    const nowMs = this.#nowMs;
    switch (verb) {
      case 'init': {
        const timeoutMs = Number(options.get('timeout') ?? 60_000);
        const expected = options.get('as') === 'before' ? claim : undefined;
        const freshProducerId = this.#nextId++;
        transaction.init({ waiter: who, timeoutMs, expected, freshProducerId, nowMs }, out);
        return undefined;
      }
      case 'add': {
        const indexes = (options.get('partitions') ?? '0').split(',').map(Number);
        const partitions = indexes.map((index) => ({ topic: 't', index, id: 100 + index }));
        transaction.addPartitions(who, claim, partitions, nowMs, out);
        return undefined;
      }
      case 'add-group':
        transaction.addGroup(who, claim, options.get('group') ?? 'g', nowMs, out);
        return undefined;
      case 'offset': {
        const committed = { offset: Number(options.get('at')), leaderEpoch: -1, metadata: '', committedMs: nowMs };
        const offsets = [{ topic: 't', partition: 0, committed }];
        transaction.addOffsets(who, claim, options.get('group') ?? 'g', offsets, options.has('enlists'), nowMs, out);
        return undefined;
      }
      case 'commit':
      case 'abort':
        transaction.end(who, claim, verb === 'commit', this.#bump(who, options), nowMs, out);
        return undefined;
      case 'append':
        return errorName(transaction.checkAppend(claim.epoch, 100 + Number(options.get('partition') ?? 0)));
      case 'expire':
        return transaction.expired(nowMs, out) ? undefined : 'later';
      case 'stored':
      case 'not-stored':
        transaction.stored(verb === 'stored' ? ErrorCode.NONE : ErrorCode.COORDINATOR_NOT_AVAILABLE, out);
        return undefined;
      case 'ended':
      case 'not-ended':
        transaction.ended(verb === 'ended' ? ErrorCode.NONE : ErrorCode.COORDINATOR_NOT_AVAILABLE, out);
        return undefined;
      case 'restart':
        this.#nowMs += Number(options.get('after') ?? 0);
        this.#transaction = new Transaction('x');
        if (this.#record) this.#transaction.restore(this.#record, this.#nowMs, out);
        return undefined;
      default:
        throw new Error(`no such command: ${verb}`);
    }
  }

  /** `bump`: the producer gets the next epoch with the end, and remembers it when it is told, unless it `forgets`. */
  #bump(who: string, options: ReadonlyMap<string, string>): { freshProducerId: number } | undefined {
    if (!options.has('bump')) return undefined;
    if (!options.has('forgets')) this.#bumping.add(who);
    return { freshProducerId: this.#transaction.epoch >= EPOCH_MAX ? this.#nextId++ : -1 };
  }

  /** What the coordinator tells of an end: who the producer is by now. */
  #ended(who: string, error: number): string {
    const { producerId, epoch } = this.#transaction;
    if (!this.#bumping.delete(who) || error !== ErrorCode.NONE) return '';
    this.#producers.set(who, { producerId, epoch });
    return ` producer ${producerId} epoch ${epoch}`;
  }

  #describe(effect: TransactionEffect): string {
    switch (effect.kind) {
      case 'store':
        this.#record = effect.record;
        return `store ${recordOf(effect.record)}${effect.durable ? ', durable' : ''}`;
      case 'end': {
        const { committed, producerId, epoch, partitions, offsets, record } = effect.ending;
        if (!this.#storeWaits) this.#record = record;
        const commits = [...offsets].map(
          ([group, list]) =>
            `${group}[${list.map(({ partition, committed }) => `t-${partition}@${committed.offset}`)}]`,
        );
        const what = [...partitions.map(({ topic, index }) => `${topic}-${index}`), ...commits].join(' ');
        return `end ${committed ? 'commit' : 'abort'} by ${producerId}/${epoch}: ${what || 'nothing'}; ${recordOf(record)}`;
      }
      case 'initReply': {
        const { error, producerId, epoch } = effect.result;
        const who = effect.waiter as string;
        if (error !== ErrorCode.NONE) return `${who} <- ${errorName(error)}`;
        this.#producers.set(who, { producerId, epoch });
        return `${who} <- producer ${producerId} epoch ${epoch}`;
      }
      case 'reply':
        return `${effect.waiter as string} <- ${errorName(effect.error as ErrorNumber)}${this.#ended(effect.waiter as string, effect.error)}`;
      case 'setTimer':
        return `timer ${effect.delayMs} ms`;
      case 'cancelTimer':
        return 'timer off';
    }
  }

  #state(): string {
    const { state, producerId, epoch, partitions, groups } = this.#transaction;
    const members = [...partitions.values()].map(({ topic, index }) => `${topic}-${index}`);
    return `= ${[state, `${producerId}/${epoch}`, ...members, ...groups.keys()].join(' ')}`;
  }
}

function recordOf({ state, producerId, epoch, partitions, groups }: TransactionRecord): string {
  const members = partitions.map(({ topic, index }) => `${topic}-${index}`);
  const pending = groups.map(({ group, offsets }) => `${group}[${offsets.map((one) => `t-${one.partition}`)}]`);
  return [state, `${producerId}/${epoch}`, ...members, ...pending].join(' ');
}
