/**
 * A directory of plain Bitcask data files, read in the order in which it was written.
 *
 * Not the format of a record (bitcask-record.ts). Invariant: only the end of the newest file may be torn; anything else that
 * does not validate is damage, told with file and position, and ends the reading.
 */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type BitcaskRecord, BitcaskType, readRecord, type SizeForm } from './bitcask-record.ts';
import { CliError, ExitCode } from './exit.ts';

/** What happens to a key, in order; records of a batch come when its end was found. */
export interface BitcaskWrite {
  readonly key: Buffer;
  /** undefined: deleted. */
  readonly value: Buffer | undefined;
}

/** What was left out. */
export interface BitcaskRest {
  /** Bytes behind the last whole record of the newest file. */
  tornBytes: number;
  /** Records of batches without an end. */
  unfinished: number;
}

const DATA_FILE = /^(\d{1,18})\.data$/;
const CHUNK_BYTES = 1024 * 1024;
/** How far behind what does not validate a valid record is looked for; each byte of it may cost a checksum of the rest. */
const LOOK_BYTES = 64 * 1024;
/** Records of open batches may hold so many bytes. */
const HELD_MAX = 256 * 1024 * 1024;

/** All writes of the directory, oldest first. `rest` is told what was left out. Throws exit codes 3 and 4. */
export async function* bitcaskWrites(dir: string, rest: BitcaskRest): AsyncGenerator<BitcaskWrite, void, undefined> {
  const files = await dataFiles(dir);
  const form = await sizeForm(files);
  const open = new Map<bigint, BitcaskWrite[]>();
  let held = 0;
  for (const [index, file] of files.entries()) {
    for await (const { type, batch, key, value } of recordsOf(file, form, index === files.length - 1, rest)) {
      if (type === BitcaskType.batchEnd) {
        const writes = open.get(batch) ?? [];
        open.delete(batch);
        for (const write of writes) held -= bytesOf(write);
        yield* writes;
        continue;
      }
      const write = { key: Buffer.from(key), value: type === BitcaskType.put ? Buffer.from(value) : undefined };
      if (batch === 0n) {
        yield write;
        continue;
      }
      held += bytesOf(write);
      if (held > HELD_MAX) throw damaged(file, 0, `batches of more than ${HELD_MAX} bytes without an end`);
      const writes = open.get(batch);
      if (writes) writes.push(write);
      else open.set(batch, [write]);
    }
  }
  for (const writes of open.values()) rest.unfinished += writes.length;
}

function bytesOf({ key, value }: BitcaskWrite): number {
  return key.length + (value?.length ?? 0) + 64;
}

function damaged(file: string, position: number, reason: string): CliError {
  return new CliError(ExitCode.damaged, `${file} at ${position}: ${reason}`);
}

/** Paths of the data files, oldest first. */
async function dataFiles(dir: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(dir);
  } catch (error) {
    throw new CliError(ExitCode.notFound, `${dir}: ${(error as Error).message}`);
  }
  const numbered = names.flatMap((name) => {
    const match = DATA_FILE.exec(name);
    return match ? [{ name, number: BigInt(match[1] as string) }] : [];
  });
  if (numbered.length === 0) throw new CliError(ExitCode.notFound, `${dir} has no data files (000000000.data)`);
  numbered.sort((left, right) => (left.number < right.number ? -1 : 1));
  return numbered.map(({ name }) => join(dir, name));
}

/** How the directory writes sizes: as the first record of its files is valid. */
async function sizeForm(files: readonly string[]): Promise<SizeForm> {
  for (const file of files) {
    for (const form of ['zigzag', 'unsigned'] as const) {
      await using window = await FileWindow.open(file);
      const found = await window.read(form);
      if (found.kind === 'record') return form;
    }
  }
  return 'zigzag';
}

async function* recordsOf(
  file: string,
  form: SizeForm,
  isNewest: boolean,
  rest: BitcaskRest,
): AsyncGenerator<BitcaskRecord, void, undefined> {
  await using window = await FileWindow.open(file);
  for (;;) {
    const found = await window.read(form);
    if (found.kind === 'record') {
      yield found.record;
      window.skip(found.bytes);
      continue;
    }
    const reason = found.kind === 'wrong' ? found.reason : 'it ends inside a record';
    const left = window.size - window.position;
    if (left === 0 || (await window.isZeroFromHere())) return;
    // A record that was being written when the power went is the last one: nothing valid can follow it.
    if (!isNewest || (await window.hasRecordBehind(form))) {
      throw damaged(file, window.position, found.kind === 'end' ? 'zeros in front of other bytes' : reason);
    }
    rest.tornBytes += left;
    return;
  }
}

/** A piece of a file in memory, at its position. */
class FileWindow implements AsyncDisposable {
  readonly size: number;
  position = 0;
  readonly #handle: FileHandle;
  #bytes: Buffer = Buffer.alloc(0);
  /** Where the piece begins in the file. */
  #from = 0;

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  static async open(path: string): Promise<FileWindow> {
    const handle = await open(path, 'r');
    return new FileWindow(handle, (await handle.stat()).size);
  }

  /** What lies at the position; `more`: the file ends inside it. */
  async read(form: SizeForm) {
    for (;;) {
      const found = readRecord(this.#bytes, this.position - this.#from, form);
      if (found.kind !== 'more') return found;
      if (this.#from + this.#bytes.length >= this.size && this.position >= this.#from) return found;
      if (!(await this.#fill(found.bytes))) return found;
    }
  }

  /** At least `wanted` bytes from the position on, as far as the file has them; false when there are no more than before. */
  async #fill(wanted: number): Promise<boolean> {
    const had = this.#from + this.#bytes.length - this.position;
    const length = Math.min(Math.max(wanted, CHUNK_BYTES), this.size - this.position);
    if (length <= had) return false;
    const bytes = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.#handle.read(bytes, 0, length, this.position);
    this.#from = this.position;
    this.#bytes = bytes.subarray(0, bytesRead);
    return bytesRead > had;
  }

  skip(bytes: number): void {
    this.position += bytes;
  }

  /** Only zeros follow: a file that was made longer than it is used. */
  async isZeroFromHere(): Promise<boolean> {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let at = this.position; at < this.size; ) {
      const { bytesRead } = await this.#handle.read(chunk, 0, CHUNK_BYTES, at);
      if (bytesRead === 0) return true;
      if (chunk.subarray(0, bytesRead).some((byte) => byte !== 0)) return false;
      at += bytesRead;
    }
    return true;
  }

  /** Whether a valid record begins within the next bytes: then what is here is damage, not the end. */
  async hasRecordBehind(form: SizeForm): Promise<boolean> {
    const chunk = Buffer.allocUnsafe(LOOK_BYTES);
    const { bytesRead } = await this.#handle.read(chunk, 0, LOOK_BYTES, this.position);
    const bytes = chunk.subarray(0, bytesRead);
    for (let at = 1; at < bytes.length; at += 1) if (readRecord(bytes, at, form).kind === 'record') return true;
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
