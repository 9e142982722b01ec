/**
 * What a broker of one node is to be, in ten lines, and the tests that hold it to each: data and text of
 * docs/conformance.md.
 *
 * Not the tests. To remember: a claim stands in the file it names, word by word, or the page's own test fails. Single rules
 * have their tests in docs/wire/kafka.md.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../../..');

/** A file, and the claim of one of its tests. */
type Claim = readonly [file: string, title: string];

interface Capability {
  readonly name: string;
  readonly claims: readonly Claim[];
}

const BROKER = '__test__/broker';
const KAFKA = '__test__/conformance/kafka';

export const CAPABILITIES: readonly Capability[] = [
  {
    name: 'Exactly the APIs and versions that are whole are told; each is answered as Kafka 4.3 does',
    claims: [
      [`${KAFKA}/comparison/comparison.spec.ts`, 'are equal but for what is accepted'],
      [`${KAFKA}/comparison/comparison.spec.ts`, 'cover every API in every version that both serve'],
      [
        `${KAFKA}/comparison/comparison.spec.ts`,
        'differ wherever a difference is accepted: the list has no entry that is not needed',
      ],
      [`${BROKER}/wire-page/page.spec.ts`, 'lists nothing as missing that is served'],
    ],
  },
  {
    name: 'Requests that wait do so in one place, on a timing wheel, without polling',
    claims: [
      [
        `${BROKER}/purgatory/purgatory.spec.ts`,
        'holds a hundred thousand operations, and looks at none but those that a wake concerns',
      ],
      [
        `${BROKER}/purgatory/timing-wheel.spec.ts`,
        'expires exactly what a sorted list would, whatever is set, moved and cancelled',
      ],
      [
        `${BROKER}/handlers/fetch.spec.ts`,
        'waits for data and answers when it comes, not before and not later (rule 28)',
      ],
    ],
  },
  {
    name: 'Groups of both protocols, static members, offsets with expiry; commits are frames of the journal',
    claims: [
      [
        `${BROKER}/groups/transcripts/static-returns.txt`,
        'a static member that comes back keeps its place without a rebalance',
      ],
      [
        `${BROKER}/consumer-groups/transcripts/moving-partitions.txt`,
        'a partition moves to a new member only when the old one has given it back',
      ],
      [
        `${BROKER}/handlers/offsets.spec.ts`,
        'are acknowledged when they are durable, and read back with epoch and metadata',
      ],
      [`${BROKER}/handlers/offsets.spec.ts`, 'expire (rule 43)'],
      [`${KAFKA}/connect.spec.ts`, 'moves every line of a file, though the workers that read it are killed'],
      [
        '__test__/crash/groups.spec.ts',
        'a member keeps heartbeating, its assignment and its commits over kill -9, again and again',
      ],
    ],
  },
  {
    name: 'Idempotence and transactions, correct over kill -9 and power cuts, each end in one frame',
    claims: [
      ['crates/log/src/producers.rs', 'rule_15_the_last_five_batches_are_duplicates_and_older_ones_are_out_of_order'],
      [
        `${BROKER}/transactions/transcripts/commit.txt`,
        'a transaction takes partitions and offsets and ends all of them in one frame',
      ],
      [
        'crates/engine/tests/txn.rs',
        'readers_of_committed_data_see_all_of_what_was_committed_and_nothing_else_across_power_cuts',
      ],
      [
        '__test__/conformance/kill-nine-transactions.spec.ts',
        'a copy by transactions holds every record once, whenever the server is killed',
      ],
      [`${KAFKA}/streams.spec.ts`, 'counts every word once, though the server and then the application are killed'],
      ['__test__/history/faults.spec.ts', 'shows no anomaly though the power is cut under the broker'],
    ],
  },
  {
    name: 'Fetch: whole batches, sessions, topic ids, leader epochs, three isolations, from memory and from files',
    claims: [
      [
        `${BROKER}/handlers/fetch.spec.ts`,
        'yields one whole batch of the first partition that has any, above every limit (rule 26)',
      ],
      [
        `${BROKER}/handlers/fetch-sessions.spec.ts`,
        'tell everything first, then only partitions with records or moved marks',
      ],
      [
        `${BROKER}/handlers/fetch.spec.ts`,
        'reads what has been settled into files like what is in memory, exact to the byte',
      ],
      [`${KAFKA}/durable-topics.spec.ts`, 'shows nothing that a power cut takes, where another topic does'],
      [
        `${BROKER}/handlers/fine-print.spec.ts`,
        'by the largest time and by time are those of a record within its batch (rules 35, 36)',
      ],
    ],
  },
  {
    name: 'Four codecs, bounded; the largest timestamp is computed; the bytes of the producer stay',
    claims: [
      ['crates/codec/tests/hostile.rs', 'a_bomb_stops_at_the_limit_and_leaves_the_output_alone'],
      ['crates/codec/tests/vectors.rs', 'what_kafka_writes_is_read'],
      ['crates/log/tests/batches.rs', 'rule_8_the_max_timestamp_is_computed_and_a_wrong_one_replaced'],
      [
        `${BROKER}/handlers/fine-print.spec.ts`,
        'stays as it came, whatever compression.type the topic has; that is told as it was given (rule 12)',
      ],
    ],
  },
  {
    name: 'Administration: topics, settings, records, groups, transactions, directories, quorum, features',
    claims: [
      [
        `${BROKER}/handlers/describe.spec.ts`,
        'returns every known key of a topic, with type and documentation (rule 50)',
      ],
      [
        `${BROKER}/handlers/broker-configs.spec.ts`,
        'are in force at once for topics without their own, and no more when they are given up',
      ],
      [`${KAFKA}/java-tools.spec.ts`, 'log directories, quorum and features: what there is of one node'],
      [
        `${BROKER}/handlers/topics.spec.ts`,
        'refuses a replication factor above 1, unless the broker is lenient; then there is 1 replica (rule 47)',
      ],
    ],
  },
  {
    name: 'Quotas and limits: memory stays inside one budget under any client',
    claims: [
      [`${BROKER}/server/stop.spec.ts`, 'connections above the maximum are closed, those below go on'],
      [
        `${BROKER}/server/per-address.spec.ts`,
        'an address has so many connections and no more, and another one its own',
      ],
      [
        `${BROKER}/server/hostile-peer.spec.ts`,
        'input 14: a peer that never reads is not read from above the cap, and is cut at the deadline',
      ],
      [
        `${BROKER}/security/quotas.spec.ts`,
        'tell a client over them its wait, and take none of its requests meanwhile',
      ],
      [`${BROKER}/security/mutation-quotas.spec.ts`, 'a client is not served until it has waited, and others are'],
      [`${KAFKA}/crowds.ts`, 'after all of that the neighbour has had every answer in time'],
    ],
  },
  {
    name: 'TLS, logins, users and rules behind one choke point; nothing open by accident',
    claims: [
      [`${BROKER}/security/matrix.spec.ts`, 'finds a guard before every API that is advertised'],
      [
        `${BROKER}/security/access.spec.ts`,
        'lets a rule that denies win over any that allow, in every mix of patterns',
      ],
      [`${KAFKA}/security.spec.ts`, 'answers nothing but the handshake before a login'],
      [
        '__test__/crash/security.spec.ts',
        'users and rules that were answered are there after kill -9, and those that were deleted are not',
      ],
      [`${BROKER}/security/command-line.spec.ts`, 'adds, lists, changes and deletes users, and never shows a password'],
    ],
  },
  {
    name: 'A command line with the verbs and letters of rpk',
    claims: [
      [
        '__test__/cli/client-verbs.spec.ts',
        'is created once, listed, described with its settings and watermarks, and deleted',
      ],
      [`${KAFKA}/command-line.spec.ts`, 'give back every line with codec $codec, kept (rule 12)'],
      ['__test__/cli/progress.spec.ts', 'draws one line again and again on a terminal, and wipes it at the end'],
      [
        '__test__/cli/client-login.spec.ts',
        'lets a verb in by a good token, and says what it does not like about another without printing it',
      ],
    ],
  },
];

/** Its part of the page. */
export function capabilitiesText(): string[] {
  return [
    '## What the broker is to be',
    '',
    'Some of the tests that hold it to each line; single rules of the protocol and all of their tests: [on the wire](wire/kafka.md#rules).',
    '',
    ...CAPABILITIES.flatMap(({ name, claims }, index) => [
      `${index + 1}. **${name}**`,
      ...claims.map(([file, title]) => `   - ${words(title)} (\`${file}\`)`),
    ]),
  ];
}

/** The name of a function of Rust as words. */
function words(title: string): string {
  return title.includes(' ') ? title : title.replaceAll('_', ' ');
}

/** Claims that their files do not make. */
export function missingClaims(): Claim[] {
  return CAPABILITIES.flatMap(({ claims }) => claims).filter(
    ([file, title]) => !readFileSync(join(root, file), 'utf8').includes(title),
  );
}
