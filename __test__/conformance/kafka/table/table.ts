/**
 * Which client does what against this broker, and the test that shows it: data and text of docs/conformance.md.
 *
 * Not the tests. To remember: a cell is the title of a test that runs in every `npm test`; a title that is not there any
 * more fails the page's own test, so no cell says more than is run.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..');

/** A spec beside this folder, and the title of one of its tests. */
type Proof = readonly [file: string, title: string];

interface Client {
  readonly name: string;
  readonly proofs: Readonly<Partial<Record<Feature, Proof>>>;
}

const FEATURES = {
  produce: 'produce and consume, every record',
  codecs: 'all five codecs',
  headers: 'empty values, headers',
  classic: 'groups, classic protocol',
  newer: 'groups, newer protocol (KIP-848)',
  resume: 'resume from commits',
  transactions: 'transactions',
  offsets: 'offsets by query or time',
  topics: 'topics and partitions',
  configs: 'settings',
  groups: 'groups described, reset, deleted',
  cluster: 'log directories, quorum, features',
  login: 'logins by PLAIN and SCRAM, TLS',
  load: 'load program',
  streams: 'Streams: word count, exactly_once_v2, kill -9',
  connect: 'Connect, distributed: file source and sink, kill -9',
} as const;

type Feature = keyof typeof FEATURES;

export const CLIENTS: readonly Client[] = [
  {
    name: 'kafkajs 2.2.4',
    proofs: {
      produce: ['kafkajs.spec.ts', 'hands every line once to a group of two that a third joins and one leaves'],
      headers: ['kafkajs.spec.ts', 'writes what kcat reads, empty values and headers included (rule 13)'],
      classic: ['kafkajs.spec.ts', 'hands every line once to a group of two that a third joins and one leaves'],
      resume: ['kafkajs.spec.ts', 'resumes a group where it stopped: what was committed is not handed out again'],
      transactions: [
        'transactions.spec.ts',
        'reads what was committed, and what was aborted only when it asks for uncommitted data',
      ],
      topics: ['admin.spec.ts', 'adds partitions, changes settings, removes records and sees what it did'],
      configs: ['admin.spec.ts', 'adds partitions, changes settings, removes records and sees what it did'],
      groups: ['admin.spec.ts', 'lists, describes and deletes groups'],
      login: ['security.spec.ts', 'serves kafkajs that logs in by %s over TLS'],
    },
  },
  {
    name: '@platformatic/kafka 1.35',
    proofs: {
      configs: ['admin.spec.ts', 'changes single settings and appends to lists'],
      groups: ['admin.spec.ts', 'removes offsets of a group, then the group'],
    },
  },
  {
    name: 'kcat (librdkafka 2.0)',
    proofs: {
      produce: ['kcat.spec.ts', 'gets back every line it sent with codec $codec'],
      codecs: ['kcat.spec.ts', 'gets back every line it sent with codec $codec'],
      offsets: ['kcat.spec.ts', 'finds offsets by query and reads from the middle and from the end'],
      topics: ['kcat.spec.ts', 'lists a topic with its partitions and a leader for each'],
      login: ['security.spec.ts', 'serves kcat that logs in by %s over TLS, and nobody with another password'],
    },
  },
  {
    name: 'Java 4.3 and its tools',
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
      groups: [
        'java-tools.spec.ts',
        'consumer of a group of the newer protocol (rule 45): every line, and its offsets reset',
      ],
      load: ['java-tools.spec.ts', 'producer perf test with acks=all, and the offsets it leaves'],
      transactions: [
        'java-tools.spec.ts',
        'transactions (KIP-890): many of a perf producer, described, listed, and read as committed',
      ],
      streams: ['streams.spec.ts', 'counts every word once, though the server and then the application are killed'],
      connect: ['connect.spec.ts', 'moves every line of a file, though the workers that read it are killed'],
      cluster: ['java-tools.spec.ts', 'log directories, quorum and features: what there is of one node'],
    },
  },
  {
    name: 'millrace',
    proofs: {
      produce: ['command-line.spec.ts', 'give back every line with codec $codec, kept (rule 12)'],
      codecs: ['command-line.spec.ts', 'give back every line with codec $codec, kept (rule 12)'],
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
    ...CLIENTS.map(({ proofs }) => (proofs[key] === undefined ? '' : `\`${proofs[key][0]}\``)),
  ]);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `${[
    '# Which client does what',
    '',
    'Generated by `npx tsx __test__/conformance/kafka/table/regenerate.ts`; a test compares. A cell names the spec in',
    '`__test__/conformance/kafka` that runs the unmodified client against the built server in every `npm test`; an empty',
    'one says that no test does yet. Every API and version beside Apache Kafka 4.3: `comparison/`.',
    '',
    line(header),
    line(header.map(() => '---')),
    ...rows.map(line),
  ].join('\n')}\n`;
}

/** Cells whose test is not there. */
export function missingProofs(): Proof[] {
  return CLIENTS.flatMap(({ proofs }) => Object.values(proofs)).filter(
    ([file, title]) => !readFileSync(join(folder, file), 'utf8').includes(`'${title}'`),
  );
}
