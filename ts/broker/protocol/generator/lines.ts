/** Collects the lines of a generated file and keeps the indentation. */

export class Lines {
  readonly #lines: string[] = [];
  #depth = 0;

  /** Adds a line at the current depth; '' adds an empty one. */
  add(line: string): void {
    this.#lines.push(line === '' ? '' : '  '.repeat(this.#depth) + line);
  }

  /** Runs `body` one level deeper. */
  indented(body: () => void): void {
    this.#depth += 1;
    body();
    this.#depth -= 1;
  }

  /** Adds `head {`, what `body` adds one level deeper, and the closing `tail`. */
  block(head: string, body: () => void, tail = '}'): void {
    this.add(`${head} {`);
    this.indented(body);
    this.add(tail);
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}
