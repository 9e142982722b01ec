/**
 * How many bytes each partition of a fetch gets (rule 26).
 *
 * Pure but for what is asked and released of the engine. To remember: the first partition that has anything yields at least one whole
 * batch, whatever the limits say; after it the limit of each partition and of the response hold, in order.
 */

import { Code } from '../../io/native-types.ts';
import type { Engine, LeaseHolder, Pin, ReadRequest, Watermarks } from '../../log/types.ts';

/** Bytes for each read, 0 where nothing fits; always whole batches. `maxBytes` is the limit of the response. */
export function planFetch(
  engine: Pick<Engine, 'readable'>,
  reads: readonly ReadRequest[],
  marks: readonly Watermarks[],
  maxBytes: number,
): number[] {
  let left = maxBytes;
  let first = true;
  let trimmed = false;
  return reads.map((read, index) => {
    const mark = marks[index];
    if (!mark || mark.code !== Code.ok || mark.available === 0) return 0;
    if (!first && mark.available > read.maxBytes) return 0;
    let bytes = mark.available;
    if (!first && bytes > left) {
      // Only the first one that does not fit is asked again: the others come first in the client's next fetch.
      if (trimmed) return 0;
      trimmed = true;
      bytes = engine.readable([{ ...read, maxBytes: left }])[0]?.available ?? 0;
      if (bytes > left) return 0;
    }
    first = false;
    left -= bytes;
    return bytes;
  });
}

/** Releases of `pins` what is above the limits: of the partitions' own, and of the response in order. */
export function limitPins(
  leases: LeaseHolder,
  reads: readonly ReadRequest[],
  pins: readonly Pin[],
  maxBytes: number,
): void {
  let left = maxBytes;
  let first = true;
  pins.forEach((pin, index) => {
    if (pin.lease === 0) return;
    const limit = Math.min(left, reads[index]?.maxBytes ?? 0);
    if (first || pin.available <= limit) {
      first = false;
      left -= pin.available;
      return;
    }
    leases.releaseLease(pin.lease);
    pin.lease = 0;
    pin.available = 0;
  });
}
