/** What INFO counts. All but the moment of the start only grow, until CONFIG RESETSTAT. */

import type { Command } from './command.ts';

export class Statistics {
  readonly startedMs: number = Date.now();
  connections = 0;
  rejectedConnections = 0;
  commands = 0;
  inputBytes = 0;
  outputBytes = 0;
  hits = 0;
  misses = 0;
  errors = 0;
  /** Turns that ran commands. */
  turns = 0;
  /** Commands by what they are. */
  readonly calls: Map<Command, number> = new Map();
  /** Microseconds spent in commands, by what they are. */
  readonly micros: Map<Command, number> = new Map();

  /** Keys that went for want of room. */
  evicted = 0;

  /** Keys that had expired and were removed before the latest reset. */
  expiredBefore = 0;
  /** Of the time between the latest two samples. */
  commandsPerSecond = 0;
  inputPerSecond = 0;
  outputPerSecond = 0;
  #sampleMs = performance.now();
  #sampled = { commands: 0, inputBytes: 0, outputBytes: 0 };

  /** Takes a sample: what is per second is of the time since the one before. `nowMs`: monotonic ms. */
  sample(nowMs: number): void {
    const seconds = (nowMs - this.#sampleMs) / 1000;
    if (seconds <= 0) return;
    const { commands, inputBytes, outputBytes } = this.#sampled;
    this.commandsPerSecond = Math.max(0, Math.round((this.commands - commands) / seconds));
    this.inputPerSecond = Math.max(0, (this.inputBytes - inputBytes) / seconds);
    this.outputPerSecond = Math.max(0, (this.outputBytes - outputBytes) / seconds);
    this.#sampleMs = nowMs;
    this.#sampled = { commands: this.commands, inputBytes: this.inputBytes, outputBytes: this.outputBytes };
  }

  /** A command was run, or refused as it stands, so many times: `micros` is what they took together. */
  called(command: Command, micros: number, count = 1): void {
    this.calls.set(command, (this.calls.get(command) ?? 0) + count);
    this.micros.set(command, (this.micros.get(command) ?? 0) + micros);
  }

  reset(): void {
    this.calls.clear();
    this.micros.clear();
    for (const name of ['connections', 'rejectedConnections', 'commands', 'inputBytes', 'outputBytes'] as const) {
      this[name] = 0;
    }
    for (const name of ['hits', 'misses', 'errors', 'turns', 'evicted'] as const) this[name] = 0;
    this.#sampled = { commands: 0, inputBytes: 0, outputBytes: 0 };
  }
}
