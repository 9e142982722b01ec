/**
 * Which topics the members of a group read, where the broker can tell: the one place that looks into protocol bytes.
 *
 * Not for assigning (the leader does that). To remember: bytes of other protocols than `consumer`, and bytes that are not
 * what they claim, mean "not known", never "none".
 */

import { decodeConsumerProtocolSubscription } from '../protocol/gen/consumer-protocol-subscription.gen.ts';
import { ProtocolError } from '../protocol/protocol-error.ts';
import { Reader } from '../protocol/reader.ts';
import type { Group } from './group.ts';
import { metadataFor } from './member.ts';

const NEWEST_VERSION = 3;

/** Topics some member is subscribed to; undefined when that cannot be known. Empty for a group without members. */
export function subscribedTopics(group: Group): ReadonlySet<string> | undefined {
  const { protocolType, protocolName, members } = group;
  const topics = new Set<string>();
  if (members.size === 0) return topics;
  if (protocolType !== 'consumer' || protocolName === null) return undefined;
  for (const member of members.values()) {
    const subscribed = topicsIn(metadataFor(member, protocolName));
    if (subscribed === undefined) return undefined;
    for (const topic of subscribed) topics.add(topic);
  }
  return topics;
}

function topicsIn(metadata: Uint8Array): string[] | undefined {
  try {
    const reader = new Reader(metadata);
    const version = reader.int16();
    if (version < 0) return undefined;
    // Newer versions only add to the end.
    return decodeConsumerProtocolSubscription(reader, Math.min(version, NEWEST_VERSION)).topics;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
