/**
 * What somebody who starts a server has to know of the place of its data: that it is memory, or that the journal will not
 * fit. Looked at once, when the server is up.
 *
 * Not doctor, which tries the disk. To remember: what cannot be read is not cautioned of.
 */
import { readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { engineSetting } from '../engine-settings.ts';
import { describeBytes, parseSize } from '../units.ts';

/** Types of statfs(2) whose files are in memory only. */
const inMemory: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);

/** Sentences for people; empty when there is nothing to say. `settings` are those given, by their names. */
export function serveCautions(dir: string, settings: ReadonlyMap<string, string>): string[] {
  try {
    const { type, bavail, bsize } = statfsSync(dir);
    return [...memoryCaution(type), ...spaceCaution(bavail * bsize, journalSize(dir), journalCapacity(settings))];
  } catch {
    return [];
  }
}

/** About files that are in memory, by the type that statfs tells. */
export function memoryCaution(type: number): string[] {
  const name = inMemory.get(type);
  return name === undefined ? [] : [`this is memory (${name}): what it holds is gone when the machine goes down`];
}

/** About `freeBytes` on the disk beside a journal that has `has` bytes of the `wants` it comes to. */
export function spaceCaution(freeBytes: number, has: number, wants: number): string[] {
  if (freeBytes + has >= wants) return [];
  const free = describeBytes(freeBytes);
  return [`${free} are free, and the journal comes to ${describeBytes(wants)}: make room, or lower journal.file.bytes`];
}

/** What the journal occupies now. */
function journalSize(dir: string): number {
  const folder = join(dir, 'journal');
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).blocks * 512, 0);
}

function journalCapacity(settings: ReadonlyMap<string, string>): number {
  const inForce = (name: string): number => parseSize(name, settings.get(name) ?? engineSetting(name)?.default ?? '0');
  return inForce('journal.file.bytes') * inForce('journal.files');
}
