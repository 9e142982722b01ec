/**
 * Copies of a file, one after the other, each durable when it counts: `examples/io-copy.mjs`, or `fs.promises.copyFile`
 * and a sync. Before each copy the source leaves the page cache, unless `--cached yes` is said.
 */
import { spawnSync } from 'node:child_process';
import { copyFile, open, rm, stat } from 'node:fs/promises';
import { ioOptions, openRing } from './io-options.ts';

const example = new URL('../../examples/io-copy.mjs', import.meta.url).href;
type Copy = (ring: unknown, from: string, to: string) => Promise<number>;
const { copy }: { copy: Copy } = await import(example);

const { by, file, seconds, warmUpSeconds, isCached } = ioOptions();
const target = `${file}.copy-${by}`;
const ring = await openRing();
const bytes = (await stat(file)).size;

/** Has the kernel forget what it holds of the source. */
function forget(): void {
  const done = spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
  if (done.status !== 0) throw new Error(`dd ended with ${done.status}: ${done.stderr}`);
}

async function byNode(): Promise<void> {
  await copyFile(file, target);
  await using copied = await open(target);
  await copied.sync();
}

let [copies, spent] = [0, 0];
let cpuMicros = 0;
const begin = performance.now() + warmUpSeconds * 1000;
const end = begin + seconds * 1000;
while (performance.now() < end || copies === 0) {
  await rm(target, { force: true });
  if (!isCached) forget();
  const [from, cpu] = [performance.now(), process.cpuUsage()];
  await (by === 'millrace' ? copy(ring, file, target) : byNode());
  if (from < begin && performance.now() < end) continue;
  spent += performance.now() - from;
  const used = process.cpuUsage(cpu);
  cpuMicros += used.user + used.system;
  copies += 1;
}
await ring.close();
await rm(target, { force: true });
const gigabytes = (copies * bytes) / 1e9;
const figures = {
  copies,
  milliseconds: spent / copies,
  megabytesPerSecond: (copies * bytes) / 1e3 / spent,
  serverCpuSecondsPerGigabyte: cpuMicros / 1e6 / gigabytes,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
