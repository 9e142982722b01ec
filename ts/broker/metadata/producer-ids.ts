/**
 * Producer ids: every idempotent producer gets one that nobody ever had.
 *
 * Not producer state (that lives with the partitions). To remember: ids are handed out from a block, and the end of the
 * block is durable before the first of it leaves; after kill -9 or a power cut the rest of a block is lost, never reused.
 */

import { Code, type CodeNumber, Level } from '../../io/native-types.ts';
import { producerCounterKey } from '../../log/state-keys.ts';
import type { Engine } from '../../log/types.ts';

const BLOCK = 1000;
const FIRST = 1;

type Done = (code: CodeNumber, producerId: number) => void;

/** The source of producer ids of one engine. */
export class ProducerIds {
  readonly #engine: Engine;
  #next: number;
  /** Ids below this may be handed out. */
  #limit: number;
  readonly #waiting: Done[] = [];

  /** Reads the end of the last block from the state map. Throws when it cannot read it. */
  constructor(engine: Engine) {
    this.#engine = engine;
    const [stored] = engine.scanState(producerCounterKey());
    const limit = stored ? Number(new TextDecoder().decode(stored[1])) : FIRST;
    if (!Number.isSafeInteger(limit) || limit < FIRST)
      throw new Error('the counter of producer ids is not a whole number');
    this.#next = limit;
    this.#limit = limit;
  }

  /** Hands out the next id: at once, or when the next block is durable. */
  next(done: Done): void {
    if (this.#next < this.#limit && this.#waiting.length === 0) {
      done(Code.ok, this.#next++);
      return;
    }
    this.#waiting.push(done);
    if (this.#waiting.length === 1) this.#takeBlock();
  }

  #takeBlock(): void {
    const limit = this.#limit + BLOCK;
    const value = new TextEncoder().encode(String(limit));
    this.#engine.submit([{ kind: 'put', key: producerCounterKey(), value }], Level.durable, (results, failure) => {
      const code = failure !== Code.ok ? failure : (results[0]?.code ?? Code.ok);
      if (code === Code.ok) this.#limit = limit;
      this.#serve(code);
    });
  }

  #serve(code: CodeNumber): void {
    const waiting = this.#waiting.splice(0);
    for (const done of waiting) {
      if (code !== Code.ok) done(code, -1);
      else if (this.#next < this.#limit) done(Code.ok, this.#next++);
      else this.next(done);
    }
  }
}
