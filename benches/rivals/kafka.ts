/**
 * One Kafka broker in KRaft mode, fresh directory, as its makers ship it but for what one node needs.
 *
 * Not here: load. Remember: Kafka's own default never flushes for an acknowledgement; `flushEveryMessage` makes it keep
 * the promise that Millrace keeps by default.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafkaClassPath } from './kafka-jars.ts';

const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qg';
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;

export interface KafkaBroker {
  readonly address: string;
  /** Where clients log in; undefined when nobody does. */
  readonly loginAddress: string | undefined;
  readonly pid: number;
  /** How the process ended; undefined while it runs. */
  ending(): string | undefined;
  /** Ends the broker and waits for it. The data directory stays. */
  stop(): Promise<void>;
}

export interface KafkaOptions {
  /** An empty or missing directory for data, settings and output. */
  readonly directory: string;
  /** `log.flush.interval.messages=1`: every acknowledged message is flushed. */
  readonly flushEveryMessage: boolean;
  /**
   * Names with their passwords: one more listener where clients log in by PLAIN, and access rules that hold for them (for
   * `admin`, and whoever comes by the first listener, none is needed).
   */
  readonly users?: Readonly<Record<string, string>>;
  /** More lines of server.properties. */
  readonly settings?: readonly string[];
}

/** Formats the directory, starts the broker and waits until it takes clients. */
export async function startKafka(options: KafkaOptions): Promise<KafkaBroker> {
  const classPath = kafkaClassPath();
  const [port, controllerPort] = [await freePort(), await freePort()];
  const loginPort = options.users === undefined ? undefined : await freePort();
  mkdirSync(options.directory, { recursive: true });
  const settings = join(options.directory, 'server.properties');
  const output = join(options.directory, 'output.txt');
  writeFileSync(settings, properties(options, port, controllerPort, loginPort));
  const java = ['-cp', classPath];
  const format = spawnSync('java', [...java, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', settings]);
  if (format.error) throw new Error('a Java runtime (java) is needed to run Kafka', { cause: format.error });
  if (format.status !== 0) throw new Error(`formatting failed: ${format.stdout}${format.stderr}`);

  const log = openSync(output, 'w', 0o600);
  const child = spawn('java', ['-Xms1G', '-Xmx1G', '-XX:+UseG1GC', ...java, 'kafka.Kafka', settings], {
    stdio: ['ignore', log, log],
  });
  await started(child, port, output);
  if (child.pid === undefined) throw new Error('Kafka has no process id');
  const loginAddress = loginPort === undefined ? undefined : `127.0.0.1:${loginPort}`;
  const { pid } = child;
  const ending = () => {
    const how = child.signalCode ?? child.exitCode;
    return how === null ? undefined : `Kafka ended with ${how}:\n${readFileSync(output, 'utf8').slice(-2000)}`;
  };
  return { address: `127.0.0.1:${port}`, loginAddress, pid, ending, stop: () => stop(child) };
}

function properties(options: KafkaOptions, port: number, controllerPort: number, loginPort?: number): string {
  const lines = [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    `log.dirs=${join(options.directory, 'data')}`,
    'offsets.topic.replication.factor=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
  ];
  // Of a setting that stands there twice the last one holds.
  if (loginPort !== undefined) lines.push(...secured(options.users ?? {}, port, controllerPort, loginPort));
  lines.push(...(options.settings ?? []));
  if (options.flushEveryMessage) lines.push('log.flush.interval.messages=1');
  return `${lines.join('\n')}\n`;
}

function secured(
  users: Readonly<Record<string, string>>,
  port: number,
  controllerPort: number,
  loginPort: number,
): string[] {
  const names = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`);
  const module = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
  const listeners = `PLAINTEXT://127.0.0.1:${port},SASL_PLAINTEXT://127.0.0.1:${loginPort}`;
  return [
    `listeners=${listeners},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=${listeners}`,
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT',
    'sasl.enabled.mechanisms=PLAIN',
    `listener.name.sasl_plaintext.plain.sasl.jaas.config=${module} ${names.join(' ')};`,
    'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users=User:admin;User:ANONYMOUS',
  ];
}

/** Takes an answer to ApiVersions for the sign: the port is bound some time before requests are served. */
async function started(child: ChildProcess, port: number, output: string): Promise<void> {
  const limit = Date.now() + START_LIMIT_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > limit) {
      child.kill('SIGKILL');
      throw new Error(`Kafka did not start:\n${readFileSync(output, 'utf8').slice(-2000)}`);
    }
    await sleep(50);
  }
}

/** Length 10, ApiVersions (key 18) version 0, correlation id 0, null client id. */
const API_VERSIONS = Uint8Array.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(API_VERSIONS));
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const hurry = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await ended;
  clearTimeout(hurry);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
