/**
 * The wire benches: the same pre-encoded load against Millrace with its defaults (every acknowledgement durable) and
 * against Kafka, flushing every message or, as it is shipped, never.
 */
import { join } from 'node:path';
import { openBareBroker } from '../bare-broker.ts';
import { runLoadTool } from '../load-tools.ts';
import { fio } from '../rivals/fio.ts';
import type { Figures, Scenario, Side, Workplace } from '../scenario.ts';
import {
  KAFKA,
  KAFKA_FLUSHING,
  type Load,
  loaded,
  MILLRACE,
  openKafka,
  openMillrace,
  PARTITIONS,
  producer,
  type Target,
} from '../targets.ts';

const DEVICE = 'the device itself';
const DEVICE_NEW_SPACE = 'fio, the same writes, each durable, into new space';

const SMALL: Load = { connections: 64, 'in-flight': 1, records: 1, size: 1024 };
const LARGE: Load = { connections: 4, 'in-flight': 5, records: 256, size: 1024 };
const SINGLE: Load = { connections: 1, 'in-flight': 1, records: 1, size: 1024 };

export const smallRequests: Scenario = {
  name: 'wire-small',
  what: '64 connections, 1 in flight, one record of 1 KiB, acks=all',
  goals: [
    { figure: 'requestsPerSecond', side: MILLRACE, against: KAFKA_FLUSHING, ratioAtLeast: 8 },
    { figure: 'requestsPerSecond', side: MILLRACE, against: KAFKA, ratioAtLeast: 1.5 },
  ],
  async open(workplace) {
    const sides = [await producer(await openMillrace(workplace), workplace, SMALL)];
    if (workplace.size.rivals) {
      sides.push(await producer(await openKafka(workplace, true), workplace, SMALL));
      sides.push(await producer(await openKafka(workplace, false), workplace, SMALL));
    }
    // The ceiling of this machine, on which the load runs too.
    return [...sides, loaded(await openBareBroker(workplace), workplace, SMALL)];
  },
};

export const largeBatches: Scenario = {
  name: 'wire-large',
  what: '4 connections, 5 in flight, 256 records of 1 KiB a batch, acks=all',
  goals: [
    { figure: 'megabytesPerSecond', side: MILLRACE, against: KAFKA, ratioAtLeast: 1.5 },
    { figure: 'serverCpuSecondsPerGigabyte', side: MILLRACE, against: KAFKA, ratioAtMost: 0.5 },
  ],
  async open(workplace) {
    const sides = [await producer(await openMillrace(workplace), workplace, LARGE)];
    if (workplace.size.rivals) {
      sides.push(await producer(await openKafka(workplace, false), workplace, LARGE));
      // The floor: nothing that waits for the device can be faster, whatever Kafka does in memory.
      const file = join(workplace.directory('device'), 'file');
      const writes = { rw: 'write', file, blockBytes: 256 * 1024, depth: 20, fileBytes: 2 ** 33 } as const;
      sides.push(fio(DEVICE_NEW_SPACE, workplace, { ...writes, isFresh: true, isDurable: true }));
    }
    return sides;
  },
};

export const oneInFlight: Scenario = {
  name: 'wire-single',
  what: '1 connection, 1 in flight, one record of 1 KiB, acks=all, against a 4 KiB direct write and fdatasync',
  goals: [{ figure: 'latencyMicrosP50', side: MILLRACE, against: DEVICE, excessAtMost: 120 }],
  async open(workplace) {
    const own = await producer(await openMillrace(workplace), workplace, SINGLE);
    const file = join(workplace.directory('device'), 'file');
    const device: Side = {
      name: DEVICE,
      async measure() {
        const { warmUpSeconds, seconds } = workplace.size;
        const figures = await runLoadTool('bare-ring', 'device', { file, 'warm-up': warmUpSeconds, duration: seconds });
        return {
          latencyMicrosP50: figures.writeAndFlushLatencyMicrosP50 ?? Number.NaN,
          latencyMicrosP99: figures.writeAndFlushLatencyMicrosP99 ?? Number.NaN,
          requestsPerSecond: figures.writeAndFlushRequestsPerSecond ?? Number.NaN,
        };
      },
    };
    return workplace.size.rivals ? [own, device] : [own];
  },
};

export const hotFetch: Scenario = {
  name: 'wire-fetch',
  what: '4 connections fetch data that was just produced, up to 1 MiB per request',
  goals: [{ figure: 'megabytesPerSecond', side: MILLRACE, against: KAFKA, ratioAtLeast: 0.8 }],
  async open(workplace) {
    const sides = [await fetcher(await openMillrace(workplace), workplace)];
    if (workplace.size.rivals) sides.push(await fetcher(await openKafka(workplace, false), workplace));
    return sides;
  },
};

/** A side whose topic is filled before it is measured. */
async function fetcher(target: Target, workplace: Workplace): Promise<Side> {
  const filler = await producer(target, { ...workplace, size: FILL }, LARGE);
  await filler.measure();
  const { warmUpSeconds, seconds } = workplace.size;
  const measure = (): Promise<Figures> =>
    runLoadTool('millrace-load', 'fetch', {
      bootstrap: target.address,
      topic: 'bench',
      partitions: PARTITIONS,
      connections: 4,
      'warm-up': warmUpSeconds,
      duration: seconds,
      'server-pid': target.pid,
    });
  return { name: target.name, measure };
}

/** Short: hot data is what the broker still holds in memory. */
const FILL = { warmUpSeconds: 0, seconds: 0.25, repetitions: 1, discarded: 0, rivals: false };
