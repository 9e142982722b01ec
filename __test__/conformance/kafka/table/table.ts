/**
 * Which client does what against this broker, and the test that shows it: data and text of docs/conformance.md.
 *
 * Not the tests. To remember: a cell is the title of a test that runs in every `npm test`, or in librdkafka's own lane; a
 * title that is not there any more fails the page's own test, so no cell says more than is run.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { capabilitiesText } from './capabilities.ts';

const folder = join(import.meta.dirname, '..');

/** A spec beside this folder, and the title of one of its tests. */
type Proof = readonly [file: string, title: string];

interface Client {
  readonly name: string;
  readonly proofs: Readonly<Partial<Record<Feature, Proof>>>;
}

const FEATURES = {
  produce: 'produce and consume, every record',
  gzip: 'codec gzip',
  snappy: 'codec snappy',
  lz4: 'codec lz4',
  zstd: 'codec zstd',
  headers: 'empty values, headers',
  classic: 'groups, classic protocol',
  newer: 'groups, newer protocol (KIP-848)',
  resume: 'resume from commits',
  idempotence: 'idempotence',
  transactions: 'transactions',
  offsets: 'offsets by query or time',
  topics: 'topics and partitions',
  configs: 'settings of topics',
  brokerConfigs: 'settings of the broker',
  groups: 'groups described, reset, deleted',
  cluster: 'log directories, quorum, features',
  login: 'logins by PLAIN and SCRAM, TLS',
  tokens: 'logins by tokens (OAUTHBEARER)',
  load: 'load program',
  streams: 'Streams: word count, exactly_once_v2, kill -9',
  connect: 'Connect, distributed: file source and sink, kill -9',
} as const;

type Feature = keyof typeof FEATURES;

/** Rows of one codec each that the same test runs through. */
const codecs = (proof: Proof, names: readonly ('gzip' | 'snappy' | 'lz4' | 'zstd')[]) =>
  Object.fromEntries(names.map((name) => [name, proof]));

const KAFKAJS_GROUP: Proof = [
  'kafkajs.spec.ts',
  'hands every line once to a group of two that a third joins and one leaves',
];
const KAFKAJS_ADMIN: Proof = [
  'admin.spec.ts',
  'adds partitions, changes settings, removes records and sees what it did',
];
const PLATFORMATIC_GROUP: Proof = [
  'platformatic.spec.ts',
  'shares partitions in a group of the %s protocol whose members come and go',
];
const JAVA = 'java-clients.spec.ts';
const LANE = '../librdkafka/lane.ts';
const LANE_CODECS: Proof = [LANE, 'gives back every message it sent with codec %s'];
const LANE_GROUP: Proof = [LANE, 'shares partitions in a group of the %s protocol whose members come and go'];
const LANE_TIMES: Proof = [LANE, 'looks offsets up by time, and deletes records'];

/** What both versions of the Java clients do in java/Clients.java. */
const JAVA_CLIENTS: Client['proofs'] = {
  produce: [JAVA, 'write and read with codec %s'],
  ...codecs([JAVA, 'write and read with codec %s'], ['gzip', 'snappy', 'lz4', 'zstd']),
  headers: [JAVA, 'keep headers, times, and values that are empty or missing'],
  classic: [JAVA, 'share partitions in a classic group whose members come and go'],
  resume: [JAVA, 'resume where they committed'],
  idempotence: [JAVA, 'are idempotent: many requests on their way, every record once and in order'],
  transactions: [JAVA, 'copy in transactions with their offsets, abort, and fence each other'],
  offsets: [JAVA, 'look offsets up by time, and delete records'],
  topics: [JAVA, 'make, extend, list and delete topics'],
  configs: [JAVA, 'alter settings of topics and of the broker'],
  brokerConfigs: [JAVA, 'alter settings of topics and of the broker'],
  groups: [JAVA, 'describe groups, and move and delete their offsets and them'],
  cluster: [JAVA, 'tell cluster, log directories, features and quorum'],
};

export const CLIENTS: readonly Client[] = [
  {
    name: 'kafkajs 2.2.4',
    proofs: {
      produce: KAFKAJS_GROUP,
      ...codecs(['kafkajs.spec.ts', 'writes and reads with codec $codec'], ['gzip', 'snappy', 'lz4']),
      headers: ['kafkajs.spec.ts', 'writes what kcat reads, empty values and headers included (rule 13)'],
      classic: KAFKAJS_GROUP,
      resume: ['kafkajs.spec.ts', 'resumes a group where it stopped: what was committed is not handed out again'],
      idempotence: KAFKAJS_GROUP,
      transactions: [
        'transactions.spec.ts',
        'reads what was committed, and what was aborted only when it asks for uncommitted data',
      ],
      topics: KAFKAJS_ADMIN,
      configs: KAFKAJS_ADMIN,
      groups: ['admin.spec.ts', 'lists, describes and deletes groups'],
      login: ['security.spec.ts', 'serves kafkajs that logs in by %s over TLS'],
      tokens: ['oauth.spec.ts', 'lets kafkajs write as the user of its token, and nowhere else'],
    },
  },
  {
    name: '@platformatic/kafka 1.35',
    proofs: {
      produce: ['platformatic.spec.ts', 'writes and reads with codec $codec'],
      ...codecs(['platformatic.spec.ts', 'writes and reads with codec $codec'], ['gzip', 'snappy', 'lz4']),
      headers: ['platformatic.spec.ts', 'keeps headers, and values that are empty'],
      classic: PLATFORMATIC_GROUP,
      newer: PLATFORMATIC_GROUP,
      idempotence: ['platformatic.spec.ts', 'is idempotent: sequences of its own, every record once and in order'],
      transactions: [
        'platformatic.spec.ts',
        'shows readers of committed data what was committed, and nothing that was aborted',
      ],
      configs: ['admin.spec.ts', 'changes single settings and appends to lists'],
      groups: ['admin.spec.ts', 'removes offsets of a group, then the group'],
    },
  },
  {
    name: 'kcat (librdkafka 2.0)',
    proofs: {
      produce: ['kcat.spec.ts', 'gets back every line it sent with codec $codec'],
      ...codecs(['kcat.spec.ts', 'gets back every line it sent with codec $codec'], ['gzip', 'snappy', 'lz4', 'zstd']),
      headers: ['kcat.spec.ts', 'keeps headers and empty values, and is idempotent when asked'],
      classic: ['kcat.spec.ts', 'reads as a group, every line once, and goes on where it committed'],
      resume: ['kcat.spec.ts', 'reads as a group, every line once, and goes on where it committed'],
      idempotence: ['kcat.spec.ts', 'keeps headers and empty values, and is idempotent when asked'],
      transactions: [
        'kcat.spec.ts',
        'commits a transaction of its own, which readers of committed data see as a whole',
      ],
      offsets: ['kcat.spec.ts', 'finds offsets by query and reads from the middle and from the end'],
      topics: ['kcat.spec.ts', 'lists a topic with its partitions and a leader for each'],
      login: ['security.spec.ts', 'serves kcat that logs in by %s over TLS, and nobody with another password'],
    },
  },
  {
    name: '@confluentinc/kafka-javascript 1.10 (librdkafka 2.15)',
    proofs: {
      produce: LANE_CODECS,
      ...codecs(LANE_CODECS, ['gzip', 'snappy', 'lz4']),
      headers: [LANE, 'keeps headers, and values that are missing'],
      classic: LANE_GROUP,
      newer: LANE_GROUP,
      resume: [LANE, 'resumes where it committed'],
      idempotence: [LANE, 'is idempotent: many requests on their way, every message once and in order'],
      transactions: [LANE, 'copies in transactions with their offsets, aborts, and fences an older self'],
      offsets: LANE_TIMES,
      topics: [LANE, 'makes, lists, describes and deletes topics'],
      groups: [LANE, 'lists, describes and deletes groups'],
    },
  },
  {
    name: 'Java 4.3',
    proofs: {
      ...JAVA_CLIENTS,
      newer: [JAVA, 'share partitions in a group of the newer protocol likewise'],
      streams: ['streams.spec.ts', 'counts every word once, though the server and then the application are killed'],
      connect: ['connect.spec.ts', 'moves every line of a file, though the workers that read it are killed'],
    },
  },
  { name: 'Java 3.9', proofs: JAVA_CLIENTS },
  {
    name: 'tools of Kafka 4.3',
    proofs: {
      produce: ['java-tools.spec.ts', 'producer and consumer of a classic group: every line, and its group told'],
      classic: ['java-tools.spec.ts', 'producer and consumer of a classic group: every line, and its group told'],
      newer: [
        'java-tools.spec.ts',
        'consumer of a group of the newer protocol (rule 45): every line, and its offsets reset',
      ],
      offsets: ['java-tools.spec.ts', 'producer perf test with acks=all, and the offsets it leaves'],
      topics: ['java-tools.spec.ts', 'topics: create, list, describe, alter and delete'],
      configs: ['java-tools.spec.ts', 'configs: alter and describe a topic'],
      brokerConfigs: [
        'java-tools.spec.ts',
        'configs: alter and describe the broker and the default of all while it runs',
      ],
      groups: [
        'java-tools.spec.ts',
        'consumer of a group of the newer protocol (rule 45): every line, and its offsets reset',
      ],
      load: ['java-tools.spec.ts', 'producer perf test with acks=all, and the offsets it leaves'],
      transactions: [
        'java-tools.spec.ts',
        'transactions (KIP-890): many of a perf producer, described, listed, and read as committed',
      ],
      cluster: ['java-tools.spec.ts', 'log directories, quorum and features: what there is of one node'],
      login: ['security-java.spec.ts', 'configs: a user gets a password and a quota'],
      tokens: [
        'security-java.spec.ts',
        'log in by a token that they read from a file, and not by one of somebody else',
      ],
    },
  },
  {
    name: 'millrace',
    proofs: {
      produce: ['command-line.spec.ts', 'give back every line with codec $codec, kept (rule 12)'],
      ...codecs(
        ['command-line.spec.ts', 'give back every line with codec $codec, kept (rule 12)'],
        ['gzip', 'snappy', 'lz4', 'zstd'],
      ),
      login: ['security.spec.ts', 'says the same of a user that is not there and of a wrong password'],
    },
  },
];

/** The page. */
export function conformancePage(): string {
  const features = Object.entries(FEATURES) as [Feature, string][];
  const header = ['feature', ...CLIENTS.map((client) => client.name)];
  const rows = features.map(([key, words]) => [
    words,
    ...CLIENTS.map(({ proofs }) => (proofs[key] === undefined ? '' : `\`${proofs[key][0].replace('../', '')}\``)),
  ]);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `${[
    '# Which client does what',
    '',
    'Generated by `npx tsx __test__/conformance/kafka/table/regenerate.ts`; a test compares. A cell names the spec in',
    '`__test__/conformance/kafka` that runs the unmodified client against the built server in every `npm test`; an empty',
    'one says that no test does (kafkajs and @platformatic/kafka have no zstd on Node 20). Every API and version beside Apache Kafka 4.3, also for somebody with few rights: `comparison/`.',
    '',
    '@confluentinc/kafka-javascript takes minutes to install and has a lane of its own, `__test__/conformance/librdkafka`, which a',
    'workflow runs every week; there it is known without zstd, as it is compiled where zstd is not installed.',
    '',
    line(header),
    line(header.map(() => '---')),
    ...rows.map(line),
    '',
    ...capabilitiesText(),
  ].join('\n')}\n`;
}

/** Cells whose test is not there. */
export function missingProofs(): Proof[] {
  return CLIENTS.flatMap(({ proofs }) => Object.values(proofs)).filter(
    ([file, title]) => !readFileSync(join(folder, file), 'utf8').includes(`'${title}'`),
  );
}
