/** The storage engine against the device it writes to, and against itself in worse circumstances. */
import { join } from 'node:path';
import { startServer } from '../../__test__/support/server.ts';
import { runLoadTool } from '../load-tools.ts';
import { nodeProgram, runProgram } from '../node-program.ts';
import { fio } from '../rivals/fio.ts';
import type { Figures, Scenario, Side, Workplace } from '../scenario.ts';
import { KAFKA, type Load, MILLRACE, openKafka, openMillrace, PARTITIONS, type Target } from '../targets.ts';

const FIO = 'fio, direct sequential write';
const FEW = '16 partitions';
const MANY = '10,000 partitions';
const NEW = 'a new directory';
const BATCH: Load = { connections: 4, 'in-flight': 5, records: 256, size: 1024 };

export const sequentialAppend: Scenario = {
  name: 'append-sequential',
  what: 'embedded, 8 writers append batches of 1 MiB to one partition and wait until each is durable, against fio',
  goals: [{ figure: 'megabytesPerSecond', side: MILLRACE, against: FIO, ratioAtLeast: 0.85 }],
  async open(workplace) {
    const own = throughput(nodeProgram(MILLRACE, 'append-large.ts', workplace, LARGE), LARGE.size);
    if (!workplace.size.rivals) return [own];
    const file = join(workplace.directory('fio'), 'file');
    return [
      own,
      fio(FIO, workplace, { rw: 'write', file, blockBytes: 2 ** 20, depth: 4, fileBytes: 2 ** 33, isFresh: true }),
    ];
  },
};

/** A little less than a batch may have. */
const LARGE = { writers: 8, size: 1024 * 1024 - 1024, partitions: 1 };

export const manyPartitions: Scenario = {
  name: 'append-partitions',
  what: 'embedded, 64 writers append 16 KiB each, spread over 16 or 10,000 partitions, durable',
  goals: [{ figure: 'megabytesPerSecond', side: MANY, against: FEW, ratioAtLeast: 0.9 }],
  async open(workplace) {
    const spread = { writers: 64, size: 16 * 1024 };
    const side = (name: string, partitions: number) =>
      throughput(nodeProgram(name, 'append-large.ts', workplace, { ...spread, partitions }), spread.size);
    return [side(FEW, 16), side(MANY, workplace.size.rivals ? 10_000 : 500)];
  },
};

/** Adds what appends of `bytes` come to. */
function throughput(side: Side, bytes: number): Side {
  const measure = async (): Promise<Figures> => {
    const figures = await side.measure();
    return { megabytesPerSecond: ((figures.requestsPerSecond ?? Number.NaN) * bytes) / 1e6, ...figures };
  };
  return { name: side.name, measure };
}

const ALONE = 'millrace, tail alone';
const BESIDE = 'millrace, beside a cold replay';
const KAFKA_ALONE = `${KAFKA}, tail alone`;
const KAFKA_BESIDE = `${KAFKA}, beside a cold replay`;

export const coldReplay: Scenario = {
  name: 'cold-replay',
  isLong: true,
  what: 'kafkajs produces and consumes 200 records a second while another reader replays old data, against the same alone',
  goals: [{ figure: 'latencyMicrosP99', side: BESIDE, against: ALONE, ratioAtMost: 1.2 }],
  async open(workplace) {
    const sides = await tails(await openMillrace(workplace), workplace, [ALONE, BESIDE]);
    if (workplace.size.rivals) {
      sides.push(...(await tails(await openKafka(workplace, false), workplace, [KAFKA_ALONE, KAFKA_BESIDE])));
    }
    return sides;
  },
};

/** Two sides on one broker that holds `fillSeconds` of bulk load: the tail alone, and beside a replay of it. */
async function tails(target: Target, workplace: Workplace, [alone, beside]: [string, string]): Promise<Side[]> {
  const { warmUpSeconds, seconds, rivals } = workplace.size;
  const bootstrap = target.address;
  await runLoadTool('millrace-load', 'create', { bootstrap, topic: 'old', partitions: PARTITIONS });
  await runLoadTool('millrace-load', 'create', { bootstrap, topic: 'tail', partitions: 1 });
  const fill = { bootstrap, topic: 'old', partitions: PARTITIONS, 'warm-up': 0, duration: rivals ? 8 : 0.5, ...BATCH };
  await runLoadTool('millrace-load', 'produce', fill);
  const measure = () =>
    runProgram('tail-latency.ts', { bootstrap, topic: 'tail', rate: 200, 'warm-up': warmUpSeconds, duration: seconds });
  const replay = (): Promise<Figures> =>
    runLoadTool('millrace-load', 'fetch', {
      bootstrap,
      topic: 'old',
      partitions: PARTITIONS,
      connections: 1,
      'warm-up': 0,
      duration: warmUpSeconds + seconds + 2,
    });
  const measureBeside = async (): Promise<Figures> => {
    const [figures, replayed] = await Promise.all([measure(), replay()]);
    return { ...figures, replayedMegabytesPerSecond: replayed.megabytesPerSecond ?? Number.NaN };
  };
  return [
    { name: alone, measure },
    { name: beside, measure: measureBeside },
  ];
}

export const openAfterKill: Scenario = {
  name: 'open-after-kill',
  what: 'from the start of the process to its ready line: after kill -9 under bulk load, against a new directory',
  goals: [
    { figure: 'readyMilliseconds', side: 'killed within its first GiB', against: NEW, excessAtMost: 1000 },
    { figure: 'readyMilliseconds', side: 'killed with about 10 GiB', against: NEW, excessAtMost: 2000 },
  ],
  async open(workplace) {
    const { rivals } = workplace.size;
    const sides = [starts(NEW, workplace, 0), starts('killed within its first GiB', workplace, 0.6)];
    if (rivals) sides.push(starts('killed with about 10 GiB', workplace, 7));
    return sides;
  },
};

/** A server that was killed after so many seconds of bulk load starts again, and is killed again. */
function starts(name: string, workplace: Workplace, loadSeconds: number): Side {
  let run = 0;
  const base = name.replaceAll(/\W+/g, '-');
  const filled = join(workplace.directory(base), 'data');
  let fill = async (): Promise<void> => {
    await using server = await startServer({ directory: filled });
    const bootstrap = server.address;
    await runLoadTool('millrace-load', 'create', { bootstrap, topic: 'bench', partitions: PARTITIONS });
    const load = { bootstrap, topic: 'bench', partitions: PARTITIONS, 'warm-up': 0, duration: loadSeconds };
    await runLoadTool('millrace-load', 'produce', { ...load, ...BATCH });
    fill = async () => {};
  };
  const measure = async (): Promise<Figures> => {
    run += 1;
    if (loadSeconds > 0) await fill();
    const directory = loadSeconds > 0 ? filled : join(workplace.directory(`${base}-${run}`), 'data');
    await using server = await startServer({ directory });
    return { readyMilliseconds: server.readyMs };
  };
  return { name, measure };
}
