/** The last commands that took long. To remember: bounded in entries, arguments and bytes of an argument, as in Redis. */

export interface SlowEntry {
  readonly id: number;
  /** Seconds since 1970. */
  readonly at: number;
  readonly micros: number;
  readonly args: readonly Buffer[];
  readonly address: string;
  readonly name: Buffer;
}

const ARGUMENTS_MAX = 32;
const ARGUMENT_BYTES = 128;

export class SlowLog {
  #entries: SlowEntry[] = [];
  #nextId = 0;

  /** Newest first. */
  get entries(): readonly SlowEntry[] {
    return this.#entries;
  }

  add(args: readonly Buffer[], micros: number, address: string, name: Buffer, limit: number): void {
    const shown = args.slice(0, args.length > ARGUMENTS_MAX ? ARGUMENTS_MAX - 1 : ARGUMENTS_MAX).map(cut);
    if (args.length > ARGUMENTS_MAX) {
      shown.push(Buffer.from(`... (${args.length - ARGUMENTS_MAX + 1} more arguments)`));
    }
    const at = Math.floor(Date.now() / 1000);
    this.#entries.unshift({ id: this.#nextId, at, micros, args: shown, address, name });
    this.#nextId += 1;
    if (this.#entries.length > limit) this.#entries.length = limit;
  }

  reset(): void {
    this.#entries = [];
  }
}

function cut(arg: Buffer): Buffer {
  if (arg.length <= ARGUMENT_BYTES) return Buffer.from(arg);
  const more = Buffer.from(`... (${arg.length - ARGUMENT_BYTES} more bytes)`);
  return Buffer.concat([arg.subarray(0, ARGUMENT_BYTES), more]);
}
