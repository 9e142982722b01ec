/** docs/reference/metrics.md from what a server answers that has seen every kind of traffic. */
import { connect } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { serve } from '../../ts/index.ts';
import { metricsOf } from '../../ts/metrics/index.ts';
import { code, table } from './markdown.ts';

/** One family as the text format tells it. */
interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Whose names they are, by how they begin. */
const sections: readonly { readonly prefix: string; readonly title: string; readonly text: string }[] = [
  { prefix: 'millrace_', title: 'Our own', text: 'At `/metrics`.' },
  {
    prefix: 'kafka_',
    title: 'As kafka_exporter calls them',
    text: 'At `/metrics`. Dashboards made for it (Grafana 7589 and its children) show a server unchanged.',
  },
  { prefix: 'redis_', title: 'As redis_exporter calls them', text: 'At `/metrics`, where Redis is served.' },
  {
    prefix: 'redpanda_',
    title: 'As Redpanda calls them',
    text: 'At `/public_metrics`; only those that mean the same here.',
  },
];

export async function metricsPage(): Promise<string> {
  const families = await everyFamily();
  const pages = sections.flatMap(({ prefix, title, text }) => {
    const rows = families
      .filter(({ name }) => name.startsWith(prefix))
      .map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), help]);
    return [`## ${title}`, '', text, '', table(['name', 'type', 'labels', 'meaning'], rows), ''];
  });
  const strange = families.filter(({ name }) => !sections.some(({ prefix }) => name.startsWith(prefix)));
  if (strange.length > 0) throw new Error(`no section for ${strange.map(({ name }) => name).join(', ')}`);
  return [
    '# Metrics',
    '',
    'Written from what a server answers. `serve --http` serves them ([operations](../operations.md#metrics-and-health)); a program takes',
    'them from `millrace/metrics`. Names, types and labels are covered by semantic versioning. A family is there only where its number is',
    'measured: nothing constant pretends.',
    '',
    ...pages,
  ].join('\n');
}

/** Names in alphabetical order, with the labels that were seen. */
async function everyFamily(): Promise<Family[]> {
  const id = `metrics-page-${process.pid}`;
  await using server = await serve({ dir: id, sim: { seed: 1, id }, kafka: { port: 0 }, redis: { port: 0 } });
  using metrics = metricsOf(server);
  await useKafka(server.kafka.port);
  await useRedis(server.redis?.port ?? 0);
  const text = `${metrics.prometheus()}${await metrics.redpanda()}`;
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']));
  return [...text.matchAll(/^# HELP (\S+) (.*)$/gm)]
    .map((match) => {
      const name = match[1] ?? '';
      return { name, type: types.get(name) ?? '', help: match[2] ?? '', labels: labelsOf(text, name) };
    })
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

async function useRedis(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.write('SET key value EX 60\r\nGET key\r\nGET none\r\n');
  let replies = '';
  for await (const chunk of socket) {
    replies += String(chunk);
    if (replies.endsWith('$-1\r\n')) break;
  }
}

async function useKafka(port: number): Promise<void> {
  const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING });
  const [producer, consumer] = [kafka.producer(), kafka.consumer({ groupId: 'readers' })];
  await Promise.all([producer.connect(), consumer.connect()]);
  await producer.send({ topic: 'orders', messages: [{ value: 'a book' }] });
  await consumer.subscribe({ topic: 'orders', fromBeginning: true });
  const seen = new Promise<void>((resolve) => {
    void consumer.run({ autoCommitThreshold: 1, eachMessage: async () => resolve() });
  });
  await seen;
  await consumer.commitOffsets([{ topic: 'orders', partition: 0, offset: '1' }]);
  await Promise.all([producer.disconnect(), consumer.disconnect()]);
}

function labelsOf(text: string, name: string): string[] {
  const samples = text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\} `, 'gm'));
  const labels = [...samples].flatMap((sample) =>
    [...(sample[1] ?? '').matchAll(/(\w+)="/g)].map((match) => match[1] ?? ''),
  );
  return [...new Set(labels)].filter((label) => label !== 'le');
}
