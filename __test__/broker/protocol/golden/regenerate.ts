/**
 * Makes kafka.txt anew: `npx tsx __test__/broker/protocol/golden/regenerate.ts`. Needs Java and Maven; the test itself
 * needs neither.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ALL_MESSAGES, type GeneratedMessage, versionsOf } from '../all-messages.ts';
import { kafkaJson, sampleMessage, type Variant } from '../sample-message.ts';

const JACKSON = '2.17.2';
const KAFKA: Record<string, string> = { '3.9': '3.9.1', '4.3': '4.3.0' };

function jar(group: string, artifact: string, version: string): string {
  const path = join(
    homedir(),
    '.m2/repository',
    group.replaceAll('.', '/'),
    artifact,
    version,
    `${artifact}-${version}.jar`,
  );
  if (!existsSync(path)) {
    execFileSync('mvn', ['-q', 'dependency:get', `-Dartifact=${group}:${artifact}:${version}`, '-Dtransitive=false']);
  }
  return path;
}

function encodeByKafka(release: string, messages: readonly GeneratedMessage[]): string {
  const lines = messages.flatMap((message) =>
    versionsOf(message).flatMap((version) =>
      (['full', 'bare'] as Variant[]).map((variant) => {
        const sample = sampleMessage(message.schema, version, variant);
        const json = JSON.stringify(kafkaJson(message.schema.root, sample, version));
        return `${message.name} ${version} ${variant} ${json}`;
      }),
    ),
  );
  const classpath = [
    jar('org.apache.kafka', 'kafka-clients', KAFKA[release] as string),
    ...['databind', 'core', 'annotations'].map((part) => jar('com.fasterxml.jackson.core', `jackson-${part}`, JACKSON)),
    jar('org.slf4j', 'slf4j-api', '1.7.36'),
  ].join(':');
  const program = join(import.meta.dirname, 'GoldenBytes.java');
  return execFileSync('java', ['-cp', classpath, program], {
    input: lines.join('\n'),
    encoding: 'utf8',
    maxBuffer: 1e8,
  });
}

const text = Object.keys(KAFKA)
  .map((release) =>
    encodeByKafka(
      release,
      ALL_MESSAGES.filter((message) => message.release === release),
    ),
  )
  .join('');
writeFileSync(join(import.meta.dirname, 'kafka.txt'), text);
