/**
 * What clients did and saw, as data: the input of the checker (reliability.md 7.3).
 *
 * Not how it came about. To remember: every value is written by one send only; times are numbers of events in the one
 * order in which the recorder saw them, so "ended before" is certain and everything else is concurrent.
 */

/** `ok`: it was done. `fail`: it was not. `info`: nobody knows. */
export type Outcome = 'ok' | 'fail' | 'info';
export type Isolation = 'committed' | 'uncommitted';

export interface Send {
  readonly partition: number;
  readonly value: string;
  /** As it was acknowledged. */
  readonly offset?: number | undefined;
}

/** One partition in one Fetch. */
export interface Read {
  readonly partition: number;
  readonly isolation: Isolation;
  readonly start: number;
  readonly end: number;
  /** First offset asked for, and the one that comes next. */
  readonly from: number;
  readonly to: number;
  /** Where what this reader may see ended: what it has not seen below was not there. */
  readonly stable: number;
  readonly records: readonly { readonly offset: number; readonly value: string }[];
}

/** A position of a group in a partition: committed, or asked for. */
export interface Position {
  readonly group: string;
  readonly partition: number;
  readonly offset: number;
}

/** One send, one transaction, one poll, one commit of positions, or one look at them. */
export interface Operation {
  readonly process: string;
  /** Another one after every seek. */
  readonly session: number;
  readonly start: number;
  readonly end: number;
  readonly outcome: Outcome;
  readonly sends: readonly Send[];
  readonly reads: readonly Read[];
  /** For a transaction: when its commit was asked for; undefined when it never was. */
  readonly transaction?: { readonly commitAsked: number | undefined } | undefined;
  readonly committed?: readonly Position[];
  readonly found?: readonly Position[];
  /** The read of everything from the beginning, when all was over. */
  readonly isFinal?: true;
}

/** Takes down operations in the order of their ends. */
export class Recorder {
  readonly operations: Operation[] = [];
  #time = 0;

  /** The number of one more event. */
  tick(): number {
    this.#time += 1;
    return this.#time;
  }

  add(operation: Partial<Operation> & Pick<Operation, 'process' | 'start' | 'outcome'>): void {
    this.operations.push({ session: 0, sends: [], reads: [], end: this.tick(), ...operation });
  }
}
