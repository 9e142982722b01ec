/**
 * Which int64 fields are `bigint`; all others are `number`, and a value beyond 2^53 is a decode error.
 *
 * A field belongs here when a well-behaved client may send any int64 in it. Offsets, producer ids and the timestamps the
 * broker itself hands out stay far below 2^53.
 */

/** `Message.field`, by the JSON's names. */
export const BIGINT_FIELDS: ReadonlySet<string> = new Set([
  // The time to look up is the client's own, up to the largest int64 ("as late as can be").
  'ListOffsetsRequest.Timestamp',
  // Old clients say "for ever" with the largest int64.
  'OffsetCommitRequest.RetentionTimeMs',
]);
