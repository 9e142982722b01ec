/**
 * Reads one of Kafka's message schemas: JSON with `//` comments into plain typed facts, clipped to the versions wanted.
 *
 * Knows nothing of the code that is emitted. The invariant to remember: anything in a schema that is not understood is an
 * error, so a new attribute of a later Kafka release cannot be lost silently.
 */

import { covers, intersect, isEmpty, NO_VERSIONS, parseVersions, type Versions } from './versions.ts';

/** A field of a message or struct, with everything resolved for the versions wanted. */
export interface Field {
  /** The JSON's name, `ThrottleTimeMs`. */
  readonly name: string;
  /** Element type for arrays: a primitive's name or a struct's. */
  readonly type: string;
  readonly isArray: boolean;
  readonly struct: Struct | undefined;
  readonly versions: Versions;
  readonly nullable: Versions;
  readonly tag: number;
  readonly tagged: Versions;
  /** The JSON's own default; undefined when it names none. */
  readonly defaultText: string | undefined;
  readonly ignorable: boolean;
}

export interface Struct {
  readonly name: string;
  /** Versions in which the struct can occur. */
  readonly versions: Versions;
  readonly fields: readonly Field[];
}

export interface Message {
  readonly apiKey: number;
  readonly kind: 'request' | 'response' | 'data';
  readonly root: Struct;
  readonly versions: Versions;
  readonly flexible: Versions;
}

interface JsonField {
  name: string;
  type: string;
  versions: string;
  nullableVersions?: string;
  taggedVersions?: string;
  tag?: number;
  default?: string | number | boolean;
  ignorable?: boolean;
  fields?: JsonField[];
  flexibleVersions?: string;
}

interface JsonMessage {
  apiKey?: number;
  type: string;
  name: string;
  validVersions: string;
  flexibleVersions: string;
  commonStructs?: { name: string; versions: string; fields: JsonField[] }[];
  fields: JsonField[];
}

/** Structs that several fields share, with the versions in which any of them can occur. */
type CommonStructs = Map<string, { versions: Versions; fields: JsonField[] }>;

const PRIMITIVES: ReadonlySet<string> = new Set(
  'bool int8 int16 uint16 int32 int64 float64 string uuid bytes records'.split(' '),
);
const FIELD_KEYS: ReadonlySet<string> = new Set(
  'name type versions nullableVersions taggedVersions tag default ignorable fields about entityType mapKey zeroCopy'.split(
    ' ',
  ),
);

/** Parses a schema and clips it to `wanted`; throws when it does not cover them or holds something unknown. */
export function parseSchema(text: string, wanted: Versions): Message {
  const json = JSON.parse(stripComments(text)) as JsonMessage;
  if (json.type !== 'request' && json.type !== 'response' && json.type !== 'data') {
    throw new Error(`${json.name}: unknown kind ${json.type}`);
  }
  if (!covers(parseVersions(json.validVersions), wanted)) {
    throw new Error(`${json.name}: the schema has ${json.validVersions}, wanted ${wanted.low}-${wanted.high}`);
  }
  const common: CommonStructs = new Map(
    (json.commonStructs ?? []).map((struct) => {
      const versions = intersect(parseVersions(struct.versions), wanted);
      return [struct.name, { versions, fields: struct.fields }];
    }),
  );
  return {
    apiKey: json.apiKey ?? -1,
    kind: json.type,
    root: { name: json.name, versions: wanted, fields: parseFields(json.fields, wanted, common) },
    versions: wanted,
    flexible: intersect(parseVersions(json.flexibleVersions), wanted),
  };
}

function parseFields(fields: JsonField[], wanted: Versions, common: CommonStructs): Field[] {
  return fields.map((field) => parseField(field, wanted, common)).filter((field) => !isEmpty(field.versions));
}

function parseField(json: JsonField, wanted: Versions, common: CommonStructs): Field {
  for (const key of Object.keys(json)) {
    if (!FIELD_KEYS.has(key)) throw new Error(`${json.name}: unknown attribute ${key}`);
  }
  const isArray = json.type.startsWith('[]');
  const type = isArray ? json.type.slice(2) : json.type;
  const versions = intersect(parseVersions(json.versions), wanted);
  const tagged =
    json.taggedVersions === undefined ? NO_VERSIONS : intersect(parseVersions(json.taggedVersions), wanted);
  if (!isEmpty(tagged) && !covers(tagged, versions)) throw new Error(`${json.name}: tagged in some versions only`);
  const struct = PRIMITIVES.has(type) ? undefined : json.fields ? { versions, fields: json.fields } : common.get(type);
  if (!PRIMITIVES.has(type) && struct === undefined) throw new Error(`${json.name}: unknown type ${type}`);
  return {
    name: json.name,
    type,
    isArray,
    struct: struct && {
      name: type,
      versions: struct.versions,
      fields: parseFields(struct.fields, struct.versions, common),
    },
    versions,
    nullable:
      json.nullableVersions === undefined ? NO_VERSIONS : intersect(parseVersions(json.nullableVersions), versions),
    tag: json.tag ?? -1,
    tagged,
    defaultText: json.default === undefined ? undefined : String(json.default),
    ignorable: json.ignorable ?? false,
  };
}

/** Removes `//` comments outside strings. */
function stripComments(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|\/\/[^\n]*/g, (part) => (part.startsWith('"') ? part : ''));
}
