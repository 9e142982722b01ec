/**
 * Requests whose first or second array claims a count that cannot be: one builder per API that has arrays.
 *
 * A builder writes everything before the count; nothing follows it.
 */
import { RequestWriter } from '../../support/wire-fields.ts';

export interface HostileRequest {
  readonly name: string;
  readonly apiKey: number;
  readonly version: number;
  /** The body up to the array's count. */
  readonly before: () => RequestWriter;
}

const body = (): RequestWriter => new RequestWriter();

/** Every API of phase A with an array in its request, in a version of plain (not compact) arrays. */
export const requestsWithArrays: readonly HostileRequest[] = [
  { name: 'Produce', apiKey: 0, version: 7, before: () => body().string(null).int16(-1).int32(1000) },
  {
    name: 'Produce partitions',
    apiKey: 0,
    version: 7,
    before: () => body().string(null).int16(-1).int32(1000).int32(1).string('t'),
  },
  { name: 'Fetch', apiKey: 1, version: 4, before: () => body().int32(-1).int32(0).int32(0).int32(1).int8(0) },
  {
    name: 'Fetch partitions',
    apiKey: 1,
    version: 4,
    before: () => body().int32(-1).int32(0).int32(0).int32(1).int8(0).int32(1).string('t'),
  },
  { name: 'ListOffsets', apiKey: 2, version: 1, before: () => body().int32(-1) },
  { name: 'Metadata', apiKey: 3, version: 4, before: body },
  { name: 'OffsetCommit', apiKey: 8, version: 2, before: () => body().string('g').int32(-1).string('').int64(-1n) },
  { name: 'OffsetFetch', apiKey: 9, version: 1, before: () => body().string('g') },
  {
    name: 'JoinGroup',
    apiKey: 11,
    version: 1,
    before: () => body().string('g').int32(10_000).int32(10_000).string('').string('consumer'),
  },
  { name: 'LeaveGroup', apiKey: 13, version: 3, before: () => body().string('g') },
  { name: 'SyncGroup', apiKey: 14, version: 0, before: () => body().string('g').int32(1).string('m') },
  { name: 'CreateTopics', apiKey: 19, version: 2, before: body },
  {
    name: 'CreateTopics settings',
    apiKey: 19,
    version: 2,
    before: () => body().int32(1).string('t').int32(1).int16(1).int32(0),
  },
  { name: 'DeleteTopics', apiKey: 20, version: 1, before: body },
  { name: 'OffsetForLeaderEpoch', apiKey: 23, version: 2, before: body },
  { name: 'DescribeConfigs', apiKey: 32, version: 1, before: body },
];

/** 2^31 - 1, a negative that is not null, and one more item than the frame has bytes. */
export const impossibleCounts = [0x7fffffff, -2, 1_000_000];

/** Compact lengths that no encoder writes: more than 32 bits, an unsigned -1, and one byte too many for a zero. */
export const impossibleVarints: readonly { name: string; bytes: Buffer }[] = [
  { name: 'ten 0xff bytes', bytes: Buffer.alloc(10, 0xff) },
  { name: 'a length whose minus one does not fit', bytes: Buffer.from('ffffffff0f', 'hex') },
  { name: 'an overlong zero', bytes: Buffer.from('808080808000', 'hex') },
];
