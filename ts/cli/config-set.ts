/**
 * `millrace config set`: alters settings of a running server that can be altered while it runs, as `kafka-configs.sh
 * --alter` does. They are kept in the journal and outlive a start.
 *
 * Not a change of a settings file. Invariant: all of it or nothing, and what the server refuses is said in its words.
 */
import { metadataApi } from '../broker/protocol/gen/03-metadata.gen.ts';
import { incrementalAlterConfigsApi } from '../broker/protocol/gen/44-incremental-alter-configs.gen.ts';
import { type ExitCodeNumber, usage } from './exit.ts';
import { type Form, reportChanges, statusText } from './report.ts';
import { type ClientOptions, openSession } from './session.ts';
import type { Terminal } from './terminal.ts';

/** AlterConfigs' number for brokers. */
const BROKER = 4;
/** Operations of IncrementalAlterConfigs. */
const operations = { set: 0, delete: 1 } as const;

export interface SetOptions extends ClientOptions, Form {
  /** Names that fall back to what the server was started with. */
  readonly delete?: readonly string[];
  readonly dry?: boolean;
}

/** Sets each `KEY=VALUE` of `pairs`. */
export async function setConfig(
  pairs: readonly string[],
  options: SetOptions,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const configs = [
    ...pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw usage(`'${pair}' is not understood: give KEY=VALUE`);
      return { name: pair.slice(0, at), configOperation: operations.set, value: pair.slice(at + 1) };
    }),
    ...(options.delete ?? []).map((name) => ({ name, configOperation: operations.delete, value: null })),
  ];
  if (configs.length === 0) throw usage('nothing to change: give KEY=VALUE or --delete KEY');
  await using session = await openSession(options);
  const { brokers } = await session.send(metadataApi, { topics: [], allowAutoTopicCreation: false });
  const resourceName = String(brokers[0]?.nodeId ?? '');
  const { responses } = await session.send(incrementalAlterConfigsApi, {
    resources: [{ resourceType: BROKER, resourceName, configs }],
    validateOnly: options.dry === true,
  });
  const changes = responses.map(({ resourceName: name, errorCode, errorMessage }) => {
    return { name, errorCode, status: statusText(errorCode, errorMessage) };
  });
  return reportChanges('broker', changes, options, terminal);
}
