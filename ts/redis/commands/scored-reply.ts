/** How members with scores are replied. To remember: in RESP3 each is a pair of its own, in RESP2 they follow each other. */

import { formatDouble } from '../protocol/doubles.ts';
import type { ReplyWriter } from '../protocol/reply-writer.ts';
import type { Scored } from '../sorted-sets/stored-sorted-set.ts';

/** Members, with their scores when they are asked for. */
export function writeScored(reply: ReplyWriter, members: readonly Scored[], withScores: boolean): void {
  const isNested = withScores && reply.protocol === 3;
  reply.array(withScores && !isNested ? members.length * 2 : members.length);
  for (const { member, score } of members) {
    if (isNested) reply.array(2);
    reply.bulk(member);
    if (withScores) reply.double(formatDouble(score));
  }
}

/** Members with their scores, each a pair of its own in both protocols. */
export function writePairs(reply: ReplyWriter, members: readonly Scored[]): void {
  reply.array(members.length);
  for (const { member, score } of members) {
    reply.array(2);
    reply.bulk(member);
    reply.double(formatDouble(score));
  }
}
