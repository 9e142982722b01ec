/**
 * `examples/io-append.mjs`: a durable append-only file on `millrace/io`, no engine; what is appended while a write is on
 * its way goes with the next one.
 */
import { join } from 'node:path';
import { loopOptions, runClosedLoop } from './closed-loop.ts';
import { openRing } from './io-options.ts';

interface Appender {
  append(bytes: Uint8Array): Promise<number>;
}
type Open = (ring: unknown, path: string) => Promise<Appender>;

const example = new URL('../../examples/io-append.mjs', import.meta.url).href;
const { AppendFile }: { AppendFile: { open: Open } } = await import(example);

const options = loopOptions();
const ring = await openRing();
const file = await AppendFile.open(ring, join(options.directory, 'file'));
const bytes = new Uint8Array(options.size).fill(0xa5);
await runClosedLoop(options, () => file.append(bytes));
await ring.close();
