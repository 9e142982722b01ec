/**
 * `millrace/io`: io_uring for Node, with threads in its place where it is refused. Needs neither broker nor store.
 *
 * To remember: what is exported here is covered by semantic versioning, nothing else of this folder is.
 */

export { type ErrorCode, MillraceError } from '../../errors.ts';
export { Arena, type ArenaOptions, Lease, LeasePart } from './arena.ts';
export type { Batch, BatchOptions, RowFlags } from './batch.ts';
export { type Capabilities, type Capability, capabilities } from './capabilities.ts';
export { type DirectFile, type DirectOptions, openDirect, type ReadStreamOptions } from './direct-file.ts';
export type { DirectWriter, WriterOptions } from './direct-writer.ts';
export type { FileStatus } from './file-status.ts';
export { type Advice, type MappedFile, type MapResidency, mapFile } from './mapped-file.ts';
export type { IoMemory } from './memory.ts';
export type { OpenFlags } from './open-flags.ts';
export {
  type ConnectOptions,
  type ListenOptions,
  type OpenOptions,
  openRing,
  type Ring,
  type RingDriver,
  type RingOptions,
} from './ring.ts';
export type { RingCounters } from './ring-core.ts';
export type { AllocateOptions, IoOptions, ReadOptions, RingFile, WriteOptions } from './ring-file.ts';
export type { ReceiveOptions, RingListener, RingSocket, SendOptions, SocketAddress } from './ring-socket.ts';
export { copyRange, sendFile, splice, TransferError, type TransferOptions, tee } from './transfer.ts';
