/**
 * DescribeLogDirs (key 35), versions 1-4: the one data directory, and how many bytes each partition has in it (rule 53).
 *
 * A partition's bytes are those of its batches, in files and not yet settled; the journal, which all share, is not told.
 * No list of topics asks for all. 2 flexible; 3 a top-level error; 4 size and free space of the file system.
 */

import type { BrokerContext } from '../context.ts';
import { diskSpace } from '../disk-space.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribableLogDirTopic,
  type DescribeLogDirsRequest,
  type DescribeLogDirsResponse,
  type DescribeLogDirsTopic,
  describeLogDirsApi,
} from '../protocol/gen/35-describe-log-dirs.gen.ts';

type Asked = readonly { readonly name: string; readonly indexes: readonly number[] }[];

/** Everything, or what is asked for and there, each topic once. */
function wanted(context: BrokerContext, topics: readonly DescribableLogDirTopic[] | null): Asked {
  if (topics === null) {
    return Array.from(context.catalogue.all(), ({ name, partitions }) => ({ name, indexes: [...partitions.keys()] }));
  }
  const byName = new Map<string, Set<number>>();
  for (const { topic, partitions } of topics) {
    const known = context.catalogue.get(topic)?.partitions;
    const indexes = byName.get(topic) ?? new Set();
    for (const index of partitions) if (known?.[index] !== undefined) indexes.add(index);
    if (indexes.size > 0) byName.set(topic, indexes);
  }
  return Array.from(byName, ([name, indexes]) => ({ name, indexes: [...indexes].sort((a, b) => a - b) }));
}

function sizesOf(context: BrokerContext, asked: Asked): DescribeLogDirsTopic[] {
  const ids = asked.flatMap(({ name, indexes }) => {
    const partitions = context.catalogue.get(name)?.partitions;
    return indexes.map((index) => partitions?.[index] as number);
  });
  const sizes = context.engine.partitionBytes(ids).values();
  return asked.map(({ name, indexes }) => ({
    name,
    partitions: indexes.map((partitionIndex) => {
      const { value = -1 } = sizes.next();
      return { partitionIndex, partitionSize: Math.max(value, 0), offsetLag: 0, isFutureKey: false };
    }),
  }));
}

export function describeLogDirsHandler(
  context: BrokerContext,
): Handler<DescribeLogDirsRequest, DescribeLogDirsResponse> {
  return {
    api: describeLogDirsApi,
    minVersion: 1,
    maxVersion: 4,
    handle({ topics }, exchange) {
      const logDir = context.settings.text('log.dirs');
      const asked = wanted(context, topics);
      diskSpace(logDir, (space) => {
        const described = { errorCode: ErrorCode.NONE, logDir, topics: sizesOf(context, asked), ...space };
        exchange.reply({ throttleTimeMs: 0, errorCode: ErrorCode.NONE, results: [described] });
      });
    },
  };
}
