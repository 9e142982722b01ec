/** The hash that orders the members of sets. To remember: it lies on disks, so it can never be another one. */

const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/** 32 bits: FNV-1a, its bits spread over all of them. */
export function hashOf(bytes: Uint8Array): number {
  let hash = BASIS;
  for (let index = 0; index < bytes.length; index += 1) hash = Math.imul(hash ^ (bytes[index] as number), PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
