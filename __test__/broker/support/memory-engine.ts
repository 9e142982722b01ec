/**
 * An engine without a disk, for tests of handlers that do not depend on one.
 *
 * It assigns offsets and keeps batches; it checks only size and length. What it acknowledges it tells in the next turn,
 * in order, like the real one. `failNext` makes it refuse.
 */
import { Code, type CodeNumber, type LevelNumber } from '../../../ts/io/native-types.ts';
import type { Effect, EffectResult, Engine, ReadRequest, Watermarks } from '../../../ts/log/types.ts';

interface Batch {
  base: number;
  end: number;
  bytes: Buffer;
  timestamp: number;
}

interface Partition {
  logStart: number;
  logEnd: number;
  batches: Batch[];
}

const EPOCH = 5;

export class MemoryEngine implements Engine {
  readonly driver = { driver: 'sim' as const, reason: 'test', direct: false, detail: '' };
  readonly recovery = {
    clean: true,
    incarnation: EPOCH,
    directoryId: 'directory-of-the-test',
    framesReplayed: 0,
    keptBytes: 0,
    cutBytes: 0,
    durationMs: 0,
    partitions: 0,
    damage: [],
  };
  /** Code of the next frames, instead of doing them. */
  failNext: CodeNumber[] = [];
  /** Levels asked for, in order. */
  readonly levels: LevelNumber[] = [];
  readonly #partitions = new Map<number, Partition>();
  readonly #state = new Map<string, [Uint8Array, Uint8Array]>();
  readonly #listeners = new Set<(partitions: Iterable<number>) => void>();

  submit(
    effects: readonly Effect[],
    level: LevelNumber,
    done: (results: readonly EffectResult[], failure: CodeNumber) => void,
  ): void {
    this.levels.push(level);
    const failure = this.failNext.shift() ?? Code.ok;
    const results = failure === Code.ok ? effects.map((effect) => this.#apply(effect)) : [];
    setImmediate(() => {
      done(results, failure);
      const moved = effects.flatMap((effect) => (effect.kind === 'append' ? [effect.partition] : []));
      for (const listener of this.#listeners) listener(moved);
    });
  }

  #apply(effect: Effect): EffectResult {
    if (effect.kind === 'put') this.#state.set(hex(effect.key), [effect.key, effect.value]);
    if (effect.kind === 'delete') this.#state.delete(hex(effect.key));
    if (effect.kind === 'createPartition') {
      this.#partitions.set(effect.partition, { logStart: 0, logEnd: 0, batches: [] });
    }
    if (effect.kind === 'deletePartition') this.#partitions.delete(effect.partition);
    if (effect.kind === 'append') return this.#append(effect);
    if (effect.kind === 'deleteRecords') {
      const partition = this.#partitions.get(effect.partition);
      if (partition) {
        partition.logStart = effect.offset;
        partition.batches = partition.batches.filter((batch) => batch.end > effect.offset);
      }
    }
    return result(Code.ok, -1);
  }

  #append(effect: Extract<Effect, { kind: 'append' }>): EffectResult {
    const partition = this.#partitions.get(effect.partition);
    if (!partition) return result(Code.unknownPartition, -1);
    const bytes = Buffer.from(effect.bytes.subarray(effect.start, effect.end));
    if (effect.maxBytes !== undefined && bytes.length > effect.maxBytes) return result(Code.messageTooLarge, -1);
    if (bytes.length < 61 || bytes.readInt32BE(8) + 12 !== bytes.length) return result(Code.corrupt, -1);
    const base = partition.logEnd;
    bytes.writeBigInt64BE(BigInt(base), 0);
    bytes.writeInt32BE(EPOCH, 12);
    partition.logEnd = base + bytes.readInt32BE(23) + 1;
    partition.batches.push({ base, end: partition.logEnd, bytes, timestamp: Number(bytes.readBigInt64BE(35)) });
    return { ...result(Code.ok, base), logStart: partition.logStart, logEnd: partition.logEnd };
  }

  readable(requests: readonly ReadRequest[]): Watermarks[] {
    return requests.map((request) => {
      const partition = this.#partitions.get(request.partition);
      const { logStart = -1, logEnd = -1 } = partition ?? {};
      const available = this.#find(request).reduce((sum, batch) => sum + batch.bytes.length, 0);
      const marks = { logStart, highWatermark: logEnd, lastStable: logEnd, durable: logEnd, logEnd };
      return { code: this.#readCode(request, partition), ...marks, leaderEpoch: EPOCH, available };
    });
  }

  #readCode(request: ReadRequest, partition: Partition | undefined): CodeNumber {
    if (!partition) return Code.unknownPartition;
    if (request.leaderEpoch >= 0 && request.leaderEpoch !== EPOCH) {
      return request.leaderEpoch < EPOCH ? Code.fencedEpoch : Code.unknownEpoch;
    }
    const inside = request.offset >= partition.logStart && request.offset <= partition.logEnd;
    return inside ? Code.ok : Code.offsetOutOfRange;
  }

  #find(request: ReadRequest): Batch[] {
    const found: Batch[] = [];
    let bytes = 0;
    for (const batch of this.#partitions.get(request.partition)?.batches ?? []) {
      if (batch.end <= request.offset) continue;
      if (found.length > 0 && bytes + batch.bytes.length > request.maxBytes) break;
      found.push(batch);
      bytes += batch.bytes.length;
    }
    return found;
  }

  read(
    requests: readonly ReadRequest[],
    destination: Uint8Array,
    positions: readonly number[],
    lengths: readonly number[],
    done: (copied: readonly number[], codes: readonly CodeNumber[]) => void,
  ): void {
    const failure = this.failNext.shift() ?? Code.ok;
    const copied = requests.map((request, index) => {
      let at = positions[index] as number;
      const end = at + (lengths[index] as number);
      if (failure !== Code.ok) return 0;
      for (const { bytes } of this.#find(request)) {
        if (at + bytes.length > end) break;
        destination.set(bytes, at);
        at += bytes.length;
      }
      return at - (positions[index] as number);
    });
    done(
      copied,
      requests.map(() => failure),
    );
  }

  offsetForTime(
    partition: number,
    timestamp: number,
    _isolation: number,
    done: (code: CodeNumber, offset: number, timestamp: number, leaderEpoch: number) => void,
  ): void {
    const found = this.#partitions.get(partition)?.batches.find((batch) => batch.timestamp >= timestamp);
    done(Code.ok, found?.base ?? -1, found?.timestamp ?? -1, found ? EPOCH : -1);
  }

  offsetForEpoch(partition: number, epoch: number): { code: CodeNumber; endOffset: number; epoch: number } {
    const { logEnd = -1 } = this.#partitions.get(partition) ?? {};
    if (epoch > EPOCH) return { code: Code.ok, endOffset: -1, epoch: -1 };
    return { code: Code.ok, endOffset: epoch === EPOCH ? logEnd : 0, epoch };
  }

  scanState(prefix: Uint8Array): [key: Uint8Array, value: Uint8Array][] {
    const wanted = hex(prefix);
    return [...this.#state].filter(([key]) => key.startsWith(wanted)).map(([, pair]) => pair);
  }

  onAdvance(listener: (partitions: Iterable<number>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onFailure(): () => void {
    return () => {};
  }

  setFlushPolicy(): void {}

  async flush(): Promise<void> {}

  counters(): Record<string, number> {
    return {};
  }

  async close(): Promise<void> {}
}

function result(code: CodeNumber, baseOffset: number): EffectResult {
  return { code, baseOffset, logAppendTime: -1, logStart: 0, logEnd: -1, lsn: 1 };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
