/**
 * An answer without what has to differ between two brokers: ids become symbols in order of appearance, lists whose order
 * means nothing are keyed.
 *
 * Not the accepted differences, which are ours (accepted.ts). To remember: one value keeps one symbol through a whole
 * transcript, so a topic id that changes where it must not is seen.
 */

export type Comparable =
  | string
  | number
  | boolean
  | null
  | readonly Comparable[]
  | { readonly [name: string]: Comparable };

/** Lists that are sets, with the field that tells their items apart. */
const KEYED: Readonly<Record<string, readonly string[]>> = {
  apiKeys: ['apiKey'],
  supportedFeatures: ['name'],
  finalizedFeatures: ['name'],
  configs: ['name'],
  brokers: ['nodeId', 'brokerId'],
  topics: ['name', 'topicId', 'topic'],
  groups: ['groupId'],
  partitions: ['partitionIndex'],
  results: ['name', 'resourceName', 'groupId'],
  responses: ['name', 'resourceName', 'topic', 'topicId'],
  partitionResponses: ['index'],
  members: ['memberId'],
  configResources: ['resourceName'],
  resultsByPartition: ['partitionIndex'],
  transactionStates: ['transactionalId'],
};

/** Fields whose values are given by a broker, with the word for them. */
const SYMBOLS: Readonly<Record<string, string>> = {
  topicId: 'topic id',
  memberId: 'member',
  leader: 'member',
  clusterId: 'cluster',
  sessionId: 'session',
  producerId: 'producer',
  port: 'port',
  logDir: 'directory',
};

const NONE = new Set<unknown>(['', null, -1, '00000000000000000000000000000000']);

/** `answer` with symbols; `symbols` is kept through a transcript. */
export function comparable(answer: unknown, symbols: Map<string, string>, name = ''): Comparable {
  if (answer === null || typeof answer === 'boolean' || typeof answer === 'number' || typeof answer === 'string') {
    return symbolOf(answer, symbols, name);
  }
  if (typeof answer === 'bigint') return `${answer}`;
  if (answer instanceof Uint8Array) return hex(name === 'records' ? withoutOwn(answer) : answer);
  if (Array.isArray(answer)) return listOf(answer, symbols, name);
  const fields = Object.entries(answer as object).map(([key, value]) => [key, comparable(value, symbols, key)]);
  return Object.fromEntries(fields);
}

function symbolOf(value: string | number | boolean | null, symbols: Map<string, string>, name: string): Comparable {
  const word = SYMBOLS[name];
  if (word === undefined || NONE.has(value) || (name === 'sessionId' && value === 0)) return value;
  const key = `${word} ${value}`;
  const known = symbols.get(key);
  if (known !== undefined) return known;
  const count = [...symbols.keys()].filter((other) => other.startsWith(`${word} `)).length;
  const symbol = `<${word} ${count + 1}>`;
  symbols.set(key, symbol);
  return symbol;
}

function listOf(items: readonly unknown[], symbols: Map<string, string>, name: string): Comparable {
  const keys = KEYED[name] ?? [];
  const objects = items.filter((item) => typeof item === 'object' && item !== null);
  const key = keys.find((field) => objects.some((item) => hasText(item, field)));
  if (key === undefined) return items.map((item) => comparable(item, symbols, name));
  const entries = items.map((item) => [String((item as Record<string, unknown>)[key]), item] as const);
  // Symbols are given in the order of the keys, which is the same on both sides.
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  if (new Set(entries.map(([text]) => text)).size < items.length) {
    return items.map((item) => comparable(item, symbols, name));
  }
  return Object.fromEntries(
    entries.map(([text, item]) => {
      const value = comparable(item, symbols, name);
      return [key in SYMBOLS ? String((value as Record<string, Comparable>)[key]) : text, value];
    }),
  );
}

function hasText(item: object, field: string): boolean {
  const value = (item as Record<string, unknown>)[field];
  return value !== undefined && value !== '' && value !== null && value !== '00000000000000000000000000000000';
}

/**
 * Record batches without what is the broker's own: the leader epoch, which lies outside the checksum, and the producer id
 * with the checksum over it.
 */
function withoutOwn(records: Uint8Array): Uint8Array {
  const bytes = Buffer.from(records);
  for (let at = 0; at + 61 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
    bytes.writeInt32BE(0, at + 12);
    if (bytes.readBigInt64BE(at + 43) < 0n) continue;
    bytes.writeUInt32BE(0, at + 17);
    bytes.writeBigInt64BE(0n, at + 43);
  }
  return bytes;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
