/**
 * Cuts the replies of a Redis server (RESP2) as far as a bench asks for them: status, error, number, text, nothing. Arrays
 * are refused: no command of a bench answers with one.
 *
 * Invariant: a reply is told once, when it is whole, in the order of the bytes.
 */

/** Told each reply; `error` is the server's text for a refusal. */
export type Replied = (error: string | undefined) => void;

/** Longest text a reply may announce: Redis's own bound. */
const longestText = 512 * 1024 * 1024;
const longestLine = 64 * 1024;

export class ReplyCutter {
  readonly #replied: Replied;
  #held: Buffer = Buffer.alloc(0);
  /** Bytes of a text and its line end that are still to come and may be thrown away. */
  #skip = 0;

  constructor(replied: Replied) {
    this.#replied = replied;
  }

  /** Takes what has arrived. Throws when it is not a reply. */
  push(chunk: Buffer): void {
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    for (;;) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, bytes.length);
        this.#skip -= taken;
        bytes = bytes.subarray(taken);
        if (this.#skip > 0) break;
        this.#replied(undefined);
      }
      const end = bytes.indexOf('\r\n');
      if (end < 0) {
        if (bytes.length > longestLine) throw new Error('the server answers something that is not Redis');
        break;
      }
      this.#line(bytes.toString('latin1', 0, end));
      bytes = bytes.subarray(end + 2);
    }
    this.#held = bytes;
  }

  #line(line: string): void {
    const rest = line.slice(1);
    const kind = line[0];
    if (kind === '+' || kind === ':' || line === '$-1') this.#replied(undefined);
    else if (kind === '-') this.#replied(rest);
    else if (kind === '$' && /^\d+$/.test(rest) && Number(rest) <= longestText) this.#skip = Number(rest) + 2;
    else throw new Error(`the server answers something that is not Redis: ${JSON.stringify(line.slice(0, 40))}`);
  }
}
