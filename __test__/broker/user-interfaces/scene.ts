/**
 * What a user interface finds when it starts: topics, one with a record, a group that is at work and has committed.
 *
 * Not a test. To remember: everything is asked for as clients ask, so that what is shown is what clients have made.
 */
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { offsetCommitApi } from '../../../ts/broker/protocol/gen/08-offset-commit.gen.ts';
import { joinGroupApi } from '../../../ts/broker/protocol/gen/11-join-group.gen.ts';
import { syncGroupApi } from '../../../ts/broker/protocol/gen/14-sync-group.gen.ts';
import { encodeConsumerProtocolAssignment } from '../../../ts/broker/protocol/gen/consumer-protocol-assignment.gen.ts';
import { encodeConsumerProtocolSubscription } from '../../../ts/broker/protocol/gen/consumer-protocol-subscription.gen.ts';
import { Writer } from '../../../ts/broker/protocol/writer.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';

const GROUP = 'billing';
const TOPIC = 'orders';

/** A broker with `orders` (three partitions, one record), `audit` (compacted) and the group `billing`. */
export async function openScene(settings: Record<string, string> = {}): Promise<Harness> {
  const harness = openHarness(settings);
  const topicId = await harness.topic(TOPIC, 3);
  await harness.topic('audit', 1, { 'cleanup.policy': 'compact' });
  const partitionData = [{ index: 0, records: encodeBatch([Buffer.from('a book')]) }];
  await harness.ask(produceApi, 13, { acks: -1, timeoutMs: 1000, topicData: [{ topicId, partitionData }] });
  await groupAtWork(harness);
  return harness;
}

async function groupAtWork(harness: Harness): Promise<void> {
  const metadata = versioned(1, (writer) => {
    encodeConsumerProtocolSubscription(writer, 1, { topics: [TOPIC], userData: null });
  });
  const join = { groupId: GROUP, sessionTimeoutMs: 10_000, protocolType: 'consumer' };
  const protocols = [{ name: 'range', metadata }];
  const { memberId, generationId } = await harness.ask(joinGroupApi, 3, { ...join, protocols });
  const claim = { groupId: GROUP, memberId, generationId };
  const assignment = versioned(1, (writer) => {
    const assignedPartitions = [{ topic: TOPIC, partitions: [0, 1, 2] }];
    encodeConsumerProtocolAssignment(writer, 1, { assignedPartitions, userData: null });
  });
  await harness.ask(syncGroupApi, 3, { ...claim, assignments: [{ memberId, assignment }] });
  const topics = [{ name: TOPIC, partitions: [{ partitionIndex: 0, committedOffset: 1 }] }];
  await harness.ask(offsetCommitApi, 7, { groupId: GROUP, memberId, generationIdOrMemberEpoch: generationId, topics });
}

function versioned(version: number, encode: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  writer.int16(version);
  encode(writer);
  return Uint8Array.from(writer.bytes());
}
