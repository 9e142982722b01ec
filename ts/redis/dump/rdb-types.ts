/** How values are laid out in payloads of DUMP: Redis' numbers for it. The first five are written; all are read. */
export const RdbType = {
  string: 0,
  list: 1,
  set: 2,
  hash: 4,
  sortedSet: 5,
  setOfIntegers: 11,
  packedHash: 16,
  packedSortedSet: 17,
  packedLists: 18,
  packedSet: 20,
} as const;
