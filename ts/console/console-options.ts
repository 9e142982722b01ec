/**
 * What a console may be told to do and whom it asks: apart, so that knowing it loads no console.
 *
 * To remember: it only reads unless `write` says otherwise, and where clients have to log in it shows nothing without a
 * token.
 */

/** The console beside the metrics. */
export interface ConsoleOptions {
  /** Lets the console change things: seek groups, delete keys, merge stores. Default: it only reads. */
  readonly write?: boolean | undefined;
  /**
   * What people have to type before they see anything. Needed where Kafka or Redis clients have to log in: without it the
   * console stays closed there.
   */
  readonly token?: string | undefined;
}
