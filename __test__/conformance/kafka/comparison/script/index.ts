/** The whole script of the comparison, in the order it is played. */
import type { Step } from '../step.ts';
import { adminSteps } from './admin.ts';
import { brokerSettingSteps } from './broker-settings.ts';
import { clusterSteps } from './cluster.ts';
import { consumerGroupSteps } from './consumer-groups.ts';
import { groupSteps } from './groups.ts';
import { recordSteps } from './records.ts';
import { topicSteps } from './topics.ts';
import { transactionSteps } from './transactions.ts';

export { rawSteps } from './malformed.ts';
export const script: readonly Step[] = [
  ...topicSteps,
  ...recordSteps,
  ...adminSteps,
  ...groupSteps,
  ...consumerGroupSteps,
  ...clusterSteps,
  ...transactionSteps,
  ...brokerSettingSteps,
];
