/**
 * Brokers that take load: Millrace with its defaults (every acknowledgement durable), and Kafka, flushing every message
 * or, as it is shipped, never.
 *
 * Not what they are loaded with. To remember: whatever is opened here ends with the workplace.
 */
import { join } from 'node:path';
import { type ServerOptions, startServer } from '../__test__/support/server.ts';
import { runLoadTool } from './load-tools.ts';
import { startKafka } from './rivals/kafka.ts';
import type { Figures, Side, Workplace } from './scenario.ts';

export const MILLRACE = 'millrace, durable';
export const KAFKA = 'kafka, never flushing';
export const KAFKA_FLUSHING = 'kafka, flushing every message';
export const PARTITIONS = 4;
const TOPIC = 'bench';

/** A broker that takes load. */
export interface Target {
  readonly name: string;
  readonly address: string;
  readonly pid: number;
  /** Where its data lies. */
  readonly directory: string;
  /** How its process ended; undefined while it runs. */
  ending(): string | undefined;
}

/** Arguments of `millrace-load produce`. */
export type Load = Readonly<Record<string, string | number>>;

export async function openMillrace(workplace: Workplace, options: Partial<ServerOptions> = {}): Promise<Target> {
  const directory = join(workplace.directory('millrace'), 'data');
  const server = await startServer({ directory, ...options });
  workplace.defer(() => server[Symbol.asyncDispose]());
  return { name: MILLRACE, address: server.address, pid: server.pid, directory, ending: () => server.ending() };
}

export async function openKafka(workplace: Workplace, flushEveryMessage: boolean): Promise<Target> {
  const name = flushEveryMessage ? KAFKA_FLUSHING : KAFKA;
  const directory = workplace.directory(name.replaceAll(/\W+/g, '-'));
  const broker = await startKafka({ directory, flushEveryMessage });
  workplace.defer(() => broker.stop());
  return { name, address: broker.address, pid: broker.pid, directory, ending: () => broker.ending() };
}

/** A side that produces into a topic of its own. */
export async function producer(target: Target, workplace: Workplace, load: Load): Promise<Side> {
  await runLoadTool('millrace-load', 'create', { bootstrap: target.address, topic: TOPIC, partitions: PARTITIONS });
  return loaded(target, workplace, load);
}

/** As `producer`, of a topic that is there. */
export function loaded(target: Target, workplace: Workplace, load: Load): Side {
  const { warmUpSeconds, seconds } = workplace.size;
  const measure = (): Promise<Figures> =>
    runLoadTool('millrace-load', 'produce', {
      bootstrap: target.address,
      topic: TOPIC,
      partitions: PARTITIONS,
      'warm-up': warmUpSeconds,
      duration: seconds,
      'server-pid': target.pid,
      ...load,
    }).catch((error: unknown) => {
      throw new Error(target.ending() ?? 'the server still runs', { cause: error });
    });
  return { name: target.name, measure };
}
