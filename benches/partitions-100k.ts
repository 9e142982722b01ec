/**
 * 100,000 partitions in one server: creates them, produces one record to each, kills the server, starts it again, and
 * prints what that took. `npx tsx benches/partitions-100k.ts [--partitions N] [--topic-partitions N] [--rounds N] [--dir DIR] [--keep]`.
 *
 * `--rounds` produces so many records more to each, for settles to happen (each takes 64 MiB of journal): then the opening
 * reads a manifest with all partitions. `--keep` leaves the data directory, to be opened and looked at again.
 *
 * Not a comparison with a rival, and not part of `npm run bench`: it takes a minute. Every figure is of one run.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startServer } from '../__test__/support/server.ts';
import { produceApi } from '../ts/broker/protocol/gen/00-produce.gen.ts';
import { createTopicsApi } from '../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { ClientConnection } from '../ts/client/connection.ts';
import { codecNames } from '../ts/log/batch-layout.ts';
import { batchTools } from '../ts/log/batch-tools.ts';
import { BatchWriter } from '../ts/log/record-batch.ts';

const { values } = parseArgs({
  options: {
    partitions: { type: 'string', default: '100000' },
    'topic-partitions': { type: 'string', default: '1000' },
    dir: { type: 'string' },
    rounds: { type: 'string', default: '0' },
    keep: { type: 'boolean', default: false },
  },
});
const perTopic = Number(values['topic-partitions']);
const topics = Math.ceil(Number(values.partitions) / perTopic);
const partitions = topics * perTopic;
const base = mkdtempSync(join(values.dir ?? tmpdir(), 'partitions-'));
const directory = join(base, 'data');

/** Every file below a directory: how many, and their bytes. */
function filesBelow(folder: string): { count: number; bytes: number } {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = names.map((entry) => statSync(join(entry.parentPath, entry.name)).size);
  return { count: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Bytes a process has written to files, as the kernel counts them. */
function writtenBy(pid: number): number {
  return Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? Number.NaN);
}

function say(what: string, value: number, unit: string, digits = 0): void {
  console.log(`${what.padEnd(52)} ${value.toFixed(digits).padStart(10)} ${unit}`);
}

/** One record in a batch of its own, made once: it is the same for every partition. */
function batchOfOne(): Uint8Array {
  const writer = new BatchWriter(batchTools());
  writer.begin();
  writer.add({ key: null, value: new Uint8Array(100), headers: [] }, Date.now());
  return writer.bytes.subarray(0, writer.finish(codecNames.indexOf('none'))).slice();
}

function connect(port: number): Promise<ClientConnection> {
  return ClientConnection.open({ host: '127.0.0.1', port, requestMs: 120_000 });
}

async function create(port: number): Promise<void> {
  await using connection = await connect(port);
  for (let index = 0; index < topics; index++) {
    const topic = { name: `topic-${index}`, numPartitions: perTopic, replicationFactor: 1 };
    const reply = await connection.request(createTopicsApi, { topics: [topic], timeoutMs: 60_000 });
    const code = reply.topics[0]?.errorCode;
    if (code !== 0) throw new Error(`topic-${index} was not created: code ${code}`);
  }
}

/** One record to every partition, a topic's partitions in one request, durable. */
async function produce(port: number): Promise<void> {
  await using connection = await connect(port);
  const records = batchOfOne();
  const indexes = Array.from({ length: perTopic }, (_, index) => ({ index, records }));
  const next = Array.from({ length: topics }, (_, index) => `topic-${index}`);
  const work = async (): Promise<void> => {
    for (let name = next.pop(); name !== undefined; name = next.pop()) {
      const body = {
        transactionalId: null,
        acks: -1,
        timeoutMs: 60_000,
        topicData: [{ name, partitionData: indexes }],
      };
      const reply = await connection.request(produceApi, body, { maxVersion: 9 });
      const bad = reply.responses[0]?.partitionResponses.find((answer) => answer.errorCode !== 0);
      if (bad) throw new Error(`${name}/${bad.index}: code ${bad.errorCode}`);
    }
  };
  await Promise.all([work(), work(), work()]);
}

async function timed(what: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await what();
  return (performance.now() - begun) / 1000;
}

console.log(`${partitions} partitions in ${topics} topics, ${directory}`);
{
  await using server = await startServer({ directory });
  const empty = server.residentBytes();
  say('resident memory of an empty server', empty / 2 ** 20, 'MiB', 1);
  const creating = await timed(() => create(server.port));
  say('creating them', creating, 's', 2);
  say('partitions created per second', partitions / creating, '/s');
  say('resident memory per partition, created', (server.residentBytes() - empty) / partitions, 'bytes');
  const before = writtenBy(server.pid);
  const producing = await timed(() => produce(server.port));
  say('one record to each, durable', producing, 's', 2);
  say('records produced per second', partitions / producing, '/s');
  say('bytes written for a record of 100 bytes', (writtenBy(server.pid) - before) / partitions, 'bytes');
  say('resident memory per partition, with a record', (server.residentBytes() - empty) / partitions, 'bytes');
  const rounds = Number(values.rounds);
  const more = await timed(async () => {
    for (let round = 0; round < rounds; round++) await produce(server.port);
  });
  if (rounds > 0) {
    say(`${rounds} records more to each, durable`, more, 's', 2);
    say('records produced per second, settling beside', (rounds * partitions) / more, '/s');
    say('resident memory per partition, after these', (server.residentBytes() - empty) / partitions, 'bytes');
  }
  await server.kill();
}
const files = filesBelow(directory);
say('files', files.count, '');
say('bytes in them', files.bytes / 2 ** 20, 'MiB', 1);
for (const what of ['after kill -9', 'after a clean stop']) {
  await using server = await startServer({ directory });
  const ready = JSON.parse(
    server
      .output()
      .split('\n')
      .find((line) => line.startsWith('{')) ?? '{}',
  );
  say(`opening ${what}, the engine`, Number(ready.recovery?.durationMs ?? Number.NaN), 'ms');
  say(`opening ${what}, process start to ready`, server.readyMs, 'ms');
  say(`resident memory of the server, idle, ${what}`, server.residentBytes() / 2 ** 20, 'MiB', 1);
  const stopping = await timed(async () => void (await server.stop()));
  say(`stopping, ${what}`, stopping, 's', 2);
}
if (!values.keep) rmSync(base, { recursive: true });
