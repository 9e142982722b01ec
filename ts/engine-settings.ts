/**
 * The engine's options under the names that settings files, the environment and `-X` use: `memory.bytes` for
 * `memoryBytes`. What they mean and allow is declared in options.ts; this is the table made of it.
 *
 * Invariant: an option that Kafka has a setting for (segment and index sizes) is found under Kafka's name only, so that
 * nothing has two names.
 */
import { MillraceError } from './errors.ts';
import { decideOptions, type EngineOptions, journalFilesOption, sizeOptions } from './options.ts';

type SettableOption =
  | 'journalFileBytes'
  | 'journalFiles'
  | 'memoryBytes'
  | 'settleBytes'
  | 'ownSegmentBytes'
  | 'largeValueBytes'
  | 'readAheadBytes';

/** One setting. Sizes take a unit (`512mb`). */
export interface EngineSetting {
  readonly name: string;
  readonly option: SettableOption;
  readonly default: string;
  readonly unit: 'bytes' | 'files';
  readonly doc: string;
}

/** Bytes first, then the number of journal files. */
export const engineSettings: readonly EngineSetting[] = [
  ...sizeOptions.flatMap((one): EngineSetting[] => {
    if (one.name === 'segmentBytes' || one.name === 'indexIntervalBytes') return [];
    return [{ name: dotted(one.name), option: one.name, default: String(one.default), unit: 'bytes', doc: one.doc }];
  }),
  {
    name: dotted('journalFiles'),
    option: 'journalFiles',
    default: String(journalFilesOption.default),
    unit: 'files',
    doc: journalFilesOption.doc,
  },
];

function dotted(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `.${letter.toLowerCase()}`);
}

const byName = new Map(engineSettings.flatMap((one) => [[one.name, one] as const, [one.option, one] as const]));

/** The setting called `name`, written with dots or in camelCase. */
export function engineSetting(name: string): EngineSetting | undefined {
  return byName.get(name);
}

/** Why `value` cannot be used for `setting`, or undefined. */
export function engineSettingProblem(setting: EngineSetting, value: string): string | undefined {
  try {
    decideOptions('.', toOption(setting, value));
    return undefined;
  } catch (error) {
    if (error instanceof MillraceError) return error.message;
    throw error;
  }
}

/** Parts `given` into what the engine takes and the rest. Nothing is checked but by the engine's own options. */
export function takeEngineSettings<Value extends string | number | boolean>(
  given: Readonly<Record<string, Value>>,
): { engine: EngineOptions; rest: Record<string, Value> } {
  let engine: EngineOptions = {};
  const rest: Record<string, Value> = {};
  for (const [name, value] of Object.entries(given)) {
    const setting = byName.get(name);
    if (setting === undefined) rest[name] = value;
    else engine = { ...engine, ...toOption(setting, String(value)) };
  }
  return { engine, rest };
}

function toOption({ option }: EngineSetting, value: string): EngineOptions {
  return { [option]: option === 'journalFiles' && value.trim() !== '' ? Number(value) : value };
}
