/** What INFO counts. All but the moment of the start only grow, until CONFIG RESETSTAT. */

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
  expired = 0;
  /** Turns that ran commands. */
  turns = 0;

  reset(): void {
    for (const name of ['connections', 'rejectedConnections', 'commands', 'inputBytes', 'outputBytes'] as const) {
      this[name] = 0;
    }
    for (const name of ['hits', 'misses', 'errors', 'expired', 'turns'] as const) this[name] = 0;
  }
}
