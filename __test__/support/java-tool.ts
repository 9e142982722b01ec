/**
 * The command line tools of Apache Kafka, from the jars of the version the benches pin: one JVM a call.
 *
 * Not a library of calls: a test says the class and its arguments as a person would. The jars are brought by Maven once.
 */
import { spawn } from 'node:child_process';
import { kafkaClassPath } from '../../benches/rivals/kafka-jars.ts';

const LIMIT_MS = 60_000;

/** Short names of the tools, with their classes. */
const TOOLS = {
  topics: 'org.apache.kafka.tools.TopicCommand',
  'console-producer': 'org.apache.kafka.tools.ConsoleProducer',
  'console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  acls: 'org.apache.kafka.tools.AclCommand',
  configs: 'kafka.admin.ConfigCommand',
  transactions: 'org.apache.kafka.tools.TransactionsCommand',
  'log-dirs': 'org.apache.kafka.tools.LogDirsCommand',
  'metadata-quorum': 'org.apache.kafka.tools.MetadataQuorumCommand',
  features: 'org.apache.kafka.tools.FeatureCommand',
  'get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
  'producer-perf-test': 'org.apache.kafka.tools.ProducerPerformance',
} as const;

export type JavaTool = keyof typeof TOOLS;

/** Runs a tool, with these properties of the JVM, and returns what it printed to stdout. Throws with both streams when it fails or does not end. */
export function javaTool(
  tool: JavaTool,
  args: readonly string[],
  input = '',
  properties: Readonly<Record<string, string>> = {},
): Promise<string> {
  const given = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`);
  const jvm = [
    '-Xmx256m',
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    ...given,
    '-cp',
    kafkaClassPath(),
    TOOLS[tool],
  ];
  return new Promise((resolve, reject) => {
    const child = spawn('java', [...jvm, ...args], { stdio: ['pipe', 'pipe', 'pipe'], timeout: LIMIT_MS });
    const printed: string[] = [];
    const told: string[] = [];
    child.stdout.on('data', (chunk) => printed.push(String(chunk)));
    child.stderr.on('data', (chunk) => told.push(String(chunk)));
    child.once('error', reject);
    child.once('close', (code) => {
      const out = printed.join('');
      if (code === 0) resolve(out);
      else reject(new Error(`${tool} ended with ${code}:\n${out}\n${told.join('')}`));
    });
    child.stdin.end(input);
  });
}
