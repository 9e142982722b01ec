/** The topic that a Produce request means: by name, and by id from version 13 on. */

import type { Topic } from '../../log/catalogue.ts';
import type { BrokerContext } from '../context.ts';
import type { TopicInPlace } from '../protocol/produce-in-place.ts';

export const TOPIC_IDS_SINCE = 13;

/** Undefined for one that is not there. */
export function topicOf(context: BrokerContext, { name, topicId }: TopicInPlace, version: number): Topic | undefined {
  return version >= TOPIC_IDS_SINCE ? context.catalogue.byId(topicId) : context.catalogue.get(name);
}
