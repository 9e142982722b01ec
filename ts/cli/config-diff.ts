/**
 * `millrace config diff`: how what `serve` would decide differs between two settings files, or between a file and what is
 * in force on a running server.
 *
 * Not a comparison of texts: two files that come to the same have no differences. Invariant: flags and environment are left
 * out of the files, so the answer is the same wherever it is asked.
 */

import { metadataApi } from '../broker/protocol/gen/03-metadata.gen.ts';
import { describeConfigsApi } from '../broker/protocol/gen/32-describe-configs.gen.ts';
import { describeFlush } from '../durability.ts';
import { settingsTable, startSettings } from '../serve.ts';
import { CliError, ExitCode, type ExitCodeNumber } from './exit.ts';
import { errorName } from './kafka-names.ts';
import { type Form, print } from './report.ts';
import { serveOptions } from './serve-options.ts';
import { decideServe, describeSettings } from './serve-settings.ts';
import { type ClientOptions, openSession } from './session.ts';
import type { Terminal } from './terminal.ts';

/** DescribeConfigs' number for brokers. */
const BROKER = 4;

/** One setting that differs; undefined where it is left at its default. */
interface Difference {
  readonly name: string;
  readonly file: string | undefined;
  readonly other: string | undefined;
}

/** Prints the settings that differ. Answers 0 when there are none, 1 when there are, as `diff` does. */
export async function diffConfig(file: string, other: string, form: Form, terminal: Terminal): Promise<ExitCodeNumber> {
  return show(differencesBetween(decided(file), decided(other)), [file, other], form, terminal);
}

/** Prints where a server's Kafka settings are not what a file would give it; answers as `diffConfig`. */
export async function diffServer(
  file: string,
  options: ClientOptions & Form,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const ours = startSettings(serveOptions(decideServe({ config: file }, {}, settingsTable)));
  const differences = differencesBetween(ours, await inForce(options));
  return show(differences, [file, 'SERVER'], options, terminal);
}

/** What the broker says that its settings are. */
async function inForce(options: ClientOptions): Promise<ReadonlyMap<string, string>> {
  await using session = await openSession(options);
  const { brokers } = await session.send(metadataApi, { topics: [], allowAutoTopicCreation: false });
  const resourceName = String(brokers[0]?.nodeId ?? '');
  const resources = [{ resourceType: BROKER, resourceName, configurationKeys: null }];
  const [found] = (await session.send(describeConfigsApi, { resources })).results;
  if (found?.errorCode !== 0)
    throw new CliError(ExitCode.failure, `the server tells no settings: ${errorName(found?.errorCode ?? -1)}`);
  return new Map(found.configs.flatMap(({ name, value }) => (value === null ? [] : [[name, value]])));
}

async function show(
  differences: readonly Difference[],
  [left, right]: readonly [string, string],
  form: Form,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const rows = differences.map(({ name, file, other }) => [name, file ?? 'default', other ?? 'default']);
  await print(terminal, form, { headings: ['NAME', left, right], rows }, differences);
  return differences.length === 0 ? ExitCode.ok : ExitCode.failure;
}

function decided(config: string): ReadonlyMap<string, string> {
  const settings = decideServe({ config }, {}, settingsTable);
  return new Map(describeSettings(settings, describeFlush(settings.flush)));
}

function differencesBetween(file: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): Difference[] {
  const names = [...new Set([...file.keys(), ...other.keys()])];
  return names
    .map((name) => ({ name, file: file.get(name), other: other.get(name) }))
    .filter((one) => one.file !== one.other);
}
