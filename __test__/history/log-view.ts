/**
 * A history seen from the log: who wrote which value, what lies at which offset, and what is known to be committed.
 *
 * Judges nothing. To remember: an operation of unknown outcome counts as done as soon as a reader of committed data saw
 * any of its values.
 */
import type { Operation, Read, Send } from './history.ts';

export interface Written {
  readonly operation: Operation;
  readonly send: Send;
}

export class LogView {
  readonly operations: readonly Operation[];
  readonly writers = new Map<string, Written>();
  /** Values by `partition:offset`, of acknowledgements and of reads. */
  readonly places = new Map<string, Set<string>>();
  /** Offsets by value, as `partition:offset`. */
  readonly offsets = new Map<string, Set<string>>();
  /** Operations whose sends are there for good. */
  readonly done = new Set<Operation>();
  /** Values that some reader of committed data saw. */
  readonly seen = new Set<string>();

  constructor(operations: readonly Operation[]) {
    this.operations = operations;
    for (const operation of operations) {
      if (operation.outcome === 'ok' && operation.sends.length > 0) this.done.add(operation);
      for (const send of operation.sends) {
        this.writers.set(send.value, { operation, send });
        if (send.offset !== undefined) this.#place(send.partition, send.offset, send.value);
      }
    }
    for (const { read } of this.reads()) {
      for (const { offset, value } of read.records) {
        this.#place(read.partition, offset, value);
        if (read.isolation !== 'committed') continue;
        this.seen.add(value);
        const written = this.writers.get(value);
        if (written?.operation.outcome === 'info') this.done.add(written.operation);
      }
    }
  }

  *reads(): IterableIterator<{ operation: Operation; read: Read }> {
    for (const operation of this.operations) for (const read of operation.reads) yield { operation, read };
  }

  /** Where a value lies; undefined when nobody was told. */
  offsetOf(value: string): number | undefined {
    const [place] = this.offsets.get(value) ?? [];
    return place === undefined ? undefined : Number(place.split(':')[1]);
  }

  /** Values of done operations with their offsets, by partition, in the order of the log. */
  committed(): Map<number, { offset: number; value: string; operation: Operation }[]> {
    const found = new Map<number, { offset: number; value: string; operation: Operation }[]>();
    for (const operation of this.done) {
      for (const { partition, value } of operation.sends) {
        const offset = this.offsetOf(value);
        if (offset === undefined) continue;
        const list = found.get(partition) ?? [];
        found.set(partition, list);
        list.push({ offset, value, operation });
      }
    }
    for (const list of found.values()) list.sort((a, b) => a.offset - b.offset);
    return found;
  }

  #place(partition: number, offset: number, value: string): void {
    const place = `${partition}:${offset}`;
    this.places.set(place, (this.places.get(place) ?? new Set()).add(value));
    this.offsets.set(value, (this.offsets.get(value) ?? new Set()).add(place));
  }
}
