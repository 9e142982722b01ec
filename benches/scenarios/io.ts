/** `millrace/io` against fio, which is the device's own speed, and against what Node offers, on the same files. */
import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { openDirect, openRing } from '../../ts/io/api/index.ts';
import { nodeProgram, runProgram } from '../node-program.ts';
import { fio } from '../rivals/fio.ts';
import type { Scenario, Side, Workplace } from '../scenario.ts';

const MILLRACE = 'millrace/io';
const NODE = 'node:fs';
const FIO = 'fio, io_uring';
const AWAKE = 'millrace/io, the loop stays awake';
/** Longer than a read takes. */
const BUSY_POLL_MICROS = 500;
const MEBIBYTE = 2 ** 20;

/** A file of so many MiB that is not in the page cache, in place of which all zeros could be read from nowhere. */
async function dataFile(workplace: Workplace, mebibytes: number): Promise<string> {
  const path = join(workplace.directory('data'), 'file');
  await using ring = await openRing();
  await using file = await openDirect(ring, path, { flags: 'w+' });
  const writer = file.writer();
  const chunk = randomFillSync(Buffer.alloc(MEBIBYTE));
  for (let written = 0; written < mebibytes; written += 1) {
    chunk.writeUInt32LE(written);
    await writer.write(chunk);
  }
  await writer.end();
  return path;
}

function side(name: string, program: string, workplace: Workplace, options: Record<string, string | number>): Side {
  const { warmUpSeconds, seconds } = workplace.size;
  return { name, measure: () => runProgram(program, { ...options, 'warm-up': warmUpSeconds, duration: seconds }) };
}

interface Reading {
  readonly rw: 'read' | 'randread';
  /** Bytes of a read. */
  readonly size: number;
  readonly depth: number;
  /** One more side: ours, with a loop that does not sleep while it waits. */
  readonly alsoAwake?: boolean;
}

/** Our side, and with rivals Node's and fio's. */
async function reading(
  workplace: Workplace,
  program: string,
  { rw, size, depth, alsoAwake = false }: Reading,
): Promise<Side[]> {
  const mebibytes = workplace.size.rivals ? 2048 : 32;
  const file = await dataFile(workplace, mebibytes);
  const options = { by: 'millrace', file, size, depth };
  const own = [side(MILLRACE, program, workplace, options)];
  if (alsoAwake) own.push(side(AWAKE, program, workplace, { ...options, 'busy-poll': BUSY_POLL_MICROS }));
  if (!workplace.size.rivals) return own;
  const fileBytes = mebibytes * MEBIBYTE;
  const node = side(NODE, program, workplace, { by: 'node', file, size, depth });
  return [...own, fio(FIO, workplace, { rw, file, blockBytes: size, depth, fileBytes }), node];
}

const randomRead: Scenario = {
  name: 'io-random-read',
  what: 'random direct reads of 4 KiB, 64 on their way, against fio and fs.promises on the same file',
  usesLoadTools: false,
  goals: [
    { figure: 'requestsPerSecond', side: MILLRACE, against: FIO, ratioAtLeast: 0.9 },
    { figure: 'requestsPerSecond', side: MILLRACE, against: NODE, ratioAtLeast: 5 },
  ],
  open: (workplace) => reading(workplace, 'io-random-read.ts', { rw: 'randread', size: 4096, depth: 64 }),
};

const singleRead: Scenario = {
  name: 'io-single-read',
  what: 'random direct reads of 4 KiB, one at a time, with a loop that sleeps meanwhile and one that does not',
  usesLoadTools: false,
  goals: [],
  open: (workplace) =>
    reading(workplace, 'io-random-read.ts', { rw: 'randread', size: 4096, depth: 1, alsoAwake: true }),
};

const sequentialRead: Scenario = {
  name: 'io-sequential-read',
  what: 'a file in order past the page cache, 1 MiB at a time, 4 on their way, against fio and fs.promises',
  usesLoadTools: false,
  goals: [{ figure: 'megabytesPerSecond', side: MILLRACE, against: FIO, ratioAtLeast: 0.9 }],
  open: (workplace) => reading(workplace, 'io-sequential-read.ts', { rw: 'read', size: MEBIBYTE, depth: 4 }),
};

const CACHED = 'fs.promises.copyFile, source cached';

const copying: Scenario = {
  name: 'io-copy',
  what: 'a file of 512 MiB that is not in the page cache is copied and durable, against fs.promises.copyFile and sync',
  usesLoadTools: false,
  goals: [{ figure: 'megabytesPerSecond', side: MILLRACE, against: NODE, ratioAtLeast: 1 }],
  async open(workplace) {
    const file = await dataFile(workplace, workplace.size.rivals ? 512 : 16);
    const own = side(MILLRACE, 'io-copy.ts', workplace, { by: 'millrace', file });
    if (!workplace.size.rivals) return [own];
    const node = { by: 'node', file };
    return [
      own,
      side(NODE, 'io-copy.ts', workplace, node),
      side(CACHED, 'io-copy.ts', workplace, { ...node, cached: 'yes' }),
    ];
  },
};

const serving: Scenario = {
  name: 'io-http',
  what: 'a cached file of 1 MiB over HTTP to 8 connections: sendfile against a read stream piped into the response',
  usesLoadTools: false,
  goals: [{ figure: 'serverCpuMicrosPerRequest', side: MILLRACE, against: NODE, ratioAtMost: 1 }],
  async open(workplace) {
    const file = await dataFile(workplace, 1);
    const at = (name: string, by: string): Side => side(name, 'io-http.ts', workplace, { by, file, depth: 8 });
    return workplace.size.rivals ? [at(MILLRACE, 'millrace'), at(NODE, 'node')] : [at(MILLRACE, 'millrace')];
  },
};

const LOOP = { writers: 128, size: 128 };

const appending: Scenario = {
  name: 'io-append',
  what: '128 callers append 128 B each to a plain file and wait until it is durable, against fs.promises write and datasync',
  usesLoadTools: false,
  goals: [{ figure: 'requestsPerSecond', side: MILLRACE, against: NODE, ratioAtLeast: 5 }],
  async open(workplace) {
    const own = nodeProgram(MILLRACE, 'io-append.ts', workplace, LOOP);
    return workplace.size.rivals ? [own, nodeProgram(NODE, 'append-file.ts', workplace, LOOP)] : [own];
  },
};

export const ioScenarios: readonly Scenario[] = [randomRead, singleRead, sequentialRead, copying, serving, appending];
