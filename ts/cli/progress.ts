/**
 * The one progress line of long commands, on stderr and only where a person looks at it: on a terminal, without
 * `--no-progress`. It is not a log: it is wiped before anything else is written.
 *
 * Invariant: nothing reaches stderr when it is not a terminal, and no line is left behind when the work has ended.
 */
import type { Terminal } from './terminal.ts';

/** How often the line is drawn, in ms. */
const everyMs = 200;
/** Back to the first column, and everything on the line wiped. */
const wipe = '\r\u001b[2K';

/** A running line. Disposing wipes it. */
export class Progress implements Disposable {
  readonly #terminal: Terminal;
  readonly #timer: NodeJS.Timeout | undefined;
  #isDrawn = false;

  /** Draws what `text` says five times a second, where it may; `wanted` is false under `--no-progress`. */
  constructor(terminal: Terminal, text: () => string, wanted: boolean) {
    this.#terminal = terminal;
    if (!wanted || terminal.stderr.isTTY !== true) return;
    this.#timer = setInterval(() => {
      this.#isDrawn = true;
      terminal.stderr.write(`${wipe}${text()}`);
    }, everyMs);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#isDrawn) this.#terminal.stderr.write(wipe);
    this.#isDrawn = false;
  }
}
