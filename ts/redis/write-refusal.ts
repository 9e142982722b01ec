/**
 * What clients are told while the engine takes no writes: Redis' own words, and for how long nothing is tried.
 *
 * Not a failed flush: that is final (`isFailed`). To remember: a period begins with the first frame that is refused and
 * ends with the first that is taken; both are said once; in between one write a second is tried.
 */

import type { CodeNumber } from '../io/native-types.ts';
import { Code } from '../io/native-types.ts';

/** Writes are tried again so long after one was refused, ms. */
const RETRY_MS = 1000;

/** The reply to commands whose frame was refused with this code. */
export function refusalText(code: CodeNumber): string {
  if (code === Code.noSpace) return 'MISCONF Errors writing to the AOF file: No space left on device';
  if (code === Code.busy) return "OOM command not allowed when used memory > 'maxmemory'.";
  if (code === Code.messageTooLarge) return 'ERR the values are larger than this directory can take; nothing was done';
  return `ERR the write was refused (code ${code}); nothing was done`;
}

/** Whether the engine takes writes, as far as the latest frames tell. */
export class WriteRefusal {
  readonly #print: (line: string) => void;
  #text: string | null = null;
  #untilMs = 0;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** A period of refusals has not ended. */
  get isOn(): boolean {
    return this.#text !== null;
  }

  /** What a command that needs room is answered without being tried; undefined: try it. */
  answer(nowMs: number): string | undefined {
    return this.#text !== null && nowMs < this.#untilMs ? this.#text : undefined;
  }

  /** A frame was refused, and nothing of it done. */
  refused(code: CodeNumber, nowMs: number): string {
    const text = refusalText(code);
    if (code !== Code.noSpace && code !== Code.busy) return text;
    if (this.#text === null) {
      const reason =
        code === Code.noSpace ? 'there is no space on the disk' : 'the memory for unsettled data is used up';
      this.#print(`writes of Redis clients are refused: ${reason}`);
    }
    this.#text = text;
    this.#untilMs = nowMs + RETRY_MS;
    return text;
  }

  /** A frame was taken. */
  taken(): void {
    if (this.#text === null) return;
    this.#text = null;
    this.#print('writes of Redis clients are taken again');
  }
}
