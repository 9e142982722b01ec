/**
 * What the programs that read or copy a file are told, and `millrace/io` as it is installed: compiled, from dist.
 */
import { parseArgs } from 'node:util';

const installed = new URL('../../dist/io/api/index.js', import.meta.url).href;
const api: typeof import('../../ts/io/api/index.ts') = await import(installed);
export const { Arena, openDirect, openRing } = api;

export interface IoOptions {
  /** Whose calls are measured: ours, or Node's. */
  readonly by: 'millrace' | 'node';
  readonly file: string;
  readonly depth: number;
  /** Bytes of one operation. */
  readonly size: number;
  /** Whether the page cache may keep what is read. */
  readonly isCached: boolean;
  /** How long our loop asks before it sleeps. */
  readonly busyPollMicros: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Reads the options from the command line. */
export function ioOptions(): IoOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      ...{ directory: text, by: text, file: text, depth: text, size: text, cached: text },
      'busy-poll': text,
      ...{ 'warm-up': text, duration: text },
    },
  });
  const { by, file } = values;
  if (file === undefined || (by !== 'millrace' && by !== 'node')) throw new Error('--file and --by are needed');
  return {
    by,
    file,
    depth: Number(values.depth ?? 64),
    size: Number(values.size ?? 4096),
    busyPollMicros: Number(values['busy-poll'] ?? 0),
    isCached: values.cached === 'yes',
    warmUpSeconds: Number(values['warm-up'] ?? 0.5),
    seconds: Number(values.duration ?? 3),
  };
}
