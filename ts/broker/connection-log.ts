/**
 * What the server says about its connections: one line per kind of event and second, with the number left out.
 *
 * Not a logger. The invariant to remember: a peer can cause any number of events but only a bounded number of lines, and
 * its bytes never reach the log unescaped.
 */

/** Prints one line; the program decides where to. */
export type PrintLine = (line: string) => void;

const INTERVAL_MS = 1_000;

export class ConnectionLog {
  readonly #print: PrintLine;
  readonly #kinds = new Map<string, { nextMs: number; hidden: number }>();

  constructor(print: PrintLine) {
    this.#print = print;
  }

  /** Says `text` unless something of this kind was said within the last second. `kind` is from a fixed set. */
  say(kind: string, text: string): void {
    const now = performance.now();
    const state = this.#kinds.get(kind) ?? { nextMs: 0, hidden: 0 };
    this.#kinds.set(kind, state);
    if (now < state.nextMs) {
      state.hidden += 1;
      return;
    }
    const more = state.hidden === 0 ? '' : ` (and ${state.hidden} more like this)`;
    state.nextMs = now + INTERVAL_MS;
    state.hidden = 0;
    this.#print(`kafka: ${text}${more}`);
  }
}
