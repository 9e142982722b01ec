/**
 * The Java clients 4.3 and 3.9, unmodified, feature by feature: java/Clients.java runs all of them in one JVM for each
 * version, and each test here is the line of one feature.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, openBroker } from '../../support/broker.ts';
import { JavaProgram } from '../../support/java-program.ts';

const LIMIT_MS = 120_000;
const source = join(import.meta.dirname, 'java/Clients.java');
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

describe.each(['4.3', '3.9'] as const)('the Java clients %s', (version) => {
  let broker: Broker;
  let printed = '';
  beforeAll(async () => {
    // Members of the newer protocol hear of each step of a rebalance with a heartbeat.
    broker = await openBroker(['group.consumer.heartbeat.interval.ms=500']);
    await using program = new JavaProgram(source, [broker.address], version);
    printed = await program.end(LIMIT_MS);
  }, LIMIT_MS + 30_000);
  afterAll(() => broker[Symbol.asyncDispose]());

  const has = (feature: string) => {
    const line = printed.split('\n').find((one) => one === `ok ${feature}` || one.startsWith(`failed ${feature}:`));
    expect(line, printed).toBe(`ok ${feature}`);
  };

  it('are of this version', () => expect(printed).toContain(`done ${version}.`));
  it.each(codecs)('write and read with codec %s', (codec) => has(`codec ${codec}`));
  it('keep headers, times, and values that are empty or missing', () => has('headers'));
  it('are idempotent: many requests on their way, every record once and in order', () => has('idempotence'));
  it('copy in transactions with their offsets, abort, and fence each other', () => has('transactions'));
  it('share partitions in a classic group whose members come and go', () => has('classic group'));
  // The clients of 3.9 know it as a preview only.
  if (version === '4.3') it('share partitions in a group of the newer protocol likewise', () => has('newer group'));
  it('resume where they committed', () => has('resume'));
  it('look offsets up by time, and delete records', () => has('offsets'));
  it('make, extend, list and delete topics', () => has('topics'));
  it('alter settings of topics and of the broker', () => has('configs'));
  it('describe groups, and move and delete their offsets and them', () => has('groups told'));
  it('tell cluster, log directories, features and quorum', () => has('cluster'));
});
