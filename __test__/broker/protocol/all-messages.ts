/**
 * Every generated message with its schema and its two codecs, one entry a direction.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Api } from '../../../ts/broker/protocol/api.ts';
import { loadMessage } from '../../../ts/broker/protocol/generate.ts';
import { APIS, type ApiEntry, DATA_MESSAGES } from '../../../ts/broker/protocol/generator/apis.ts';
import type { Message } from '../../../ts/broker/protocol/generator/schema.ts';
import { camel } from '../../../ts/broker/protocol/generator/types.ts';
import type { Reader } from '../../../ts/broker/protocol/reader.ts';
import type { Writer } from '../../../ts/broker/protocol/writer.ts';

export interface GeneratedMessage {
  readonly name: string;
  readonly release: string;
  readonly schema: Message;
  decode(reader: Reader, version: number): unknown;
  encode(writer: Writer, version: number, message: unknown): void;
}

const protocol = join(import.meta.dirname, '../../../ts/broker/protocol');

const files = readdirSync(join(protocol, 'gen')).sort();
const modules = files.map((file) => import(join(protocol, 'gen', file)) as Promise<Record<string, unknown>>);
const exported: Record<string, unknown> = Object.assign({}, ...(await Promise.all(modules)));

/** All APIs by their generated descriptions. */
export const ALL_APIS: readonly Api<unknown, unknown>[] = APIS.map(
  (entry) => exported[`${camel(entry.name)}Api`] as Api<unknown, unknown>,
);

function message(name: string, entry: ApiEntry): GeneratedMessage {
  return {
    name,
    release: entry.release,
    schema: loadMessage(name, entry),
    decode: exported[`decode${name}`] as GeneratedMessage['decode'],
    encode: exported[`encode${name}`] as GeneratedMessage['encode'],
  };
}

export const ALL_MESSAGES: readonly GeneratedMessage[] = [
  ...APIS.flatMap((entry) => [message(`${entry.name}Request`, entry), message(`${entry.name}Response`, entry)]),
  ...DATA_MESSAGES.map((entry) => message(entry.name, entry)),
];

/** Every version of a message. */
export function versionsOf(message: GeneratedMessage): number[] {
  const { low, high } = message.schema.versions;
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}
