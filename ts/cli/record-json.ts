/**
 * A record as JSON, the default of consume: one object a line. Bytes that are not UTF-8 are given as base64 and say so.
 *
 * Invariant: reading the line back yields the exact bytes of key, value and headers.
 */
import type { CliRecord } from './record.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A field's text, or its base64 with the note that it is. */
function field(name: string, bytes: Uint8Array | null): Record<string, string | null> {
  if (bytes === null) return { [name]: null };
  try {
    return { [name]: decoder.decode(bytes) };
  } catch {
    return { [name]: Buffer.from(bytes).toString('base64'), [`${name}Encoding`]: 'base64' };
  }
}

/** Options of the JSON form: without values (`--meta-only`), or spread over lines (`--pretty-print`). */
export interface JsonForm {
  readonly metaOnly: boolean;
  readonly pretty: boolean;
}

/** Renders one record with a newline behind it. A null key is left out, a null value is `null`, as rpk does. */
export function recordToJson(record: CliRecord, form: JsonForm): string {
  const object = {
    topic: record.topic,
    ...(record.key === null ? {} : field('key', record.key)),
    ...(form.metaOnly ? { valueSize: record.value?.length ?? null } : field('value', record.value)),
    ...(record.headers.length === 0 ? {} : { headers: record.headers.map(headerObject) }),
    timestamp: record.timestamp,
    partition: record.partition,
    offset: record.offset,
  };
  return `${JSON.stringify(object, null, form.pretty ? 2 : 0)}\n`;
}

function headerObject(header: { key: string; value: Uint8Array | null }): Record<string, string | null> {
  return { key: header.key, ...field('value', header.value) };
}
