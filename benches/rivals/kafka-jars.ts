/**
 * Brings the jars that a pom.xml names into a folder of .cache, once: those of Kafka itself are beside this file. Not in
 * the package and never run at install.
 *
 * Invariant: a directory with the mark file is complete; without it, it is copied again.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = fileURLToPath(new URL('pom.xml', import.meta.url));

/** The version that pom.xml pins. */
export function kafkaVersion(): string {
  const found = /<artifactId>kafka_2\.13<\/artifactId>\s*<version>([^<]+)</.exec(readFileSync(manifest, 'utf8'));
  if (found?.[1] === undefined) throw new Error(`${manifest} names no version of kafka_2.13`);
  return found[1];
}

/** A class path with every jar of the broker and its tools. Copies them with Maven when they are not there (30 s). */
export function kafkaClassPath(): string {
  return mavenClassPath(manifest, `kafka-${kafkaVersion()}`);
}

/** A class path with every jar that `pom` asks for, kept in .cache/`name`; Maven copies them when they are not there. */
export function mavenClassPath(pom: string, name: string): string {
  const directory = join(root, '.cache', name);
  const jars = join(directory, 'jars');
  const mark = join(directory, 'complete');
  if (!existsSync(mark)) {
    mkdirSync(jars, { recursive: true });
    process.stderr.write(`copying ${name} into ${jars}\n`);
    const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`];
    const maven = spawnSync('mvn', args, { stdio: ['ignore', 'inherit', 'inherit'] });
    if (maven.error) throw new Error('Maven (mvn) is needed to bring Java programs', { cause: maven.error });
    if (maven.status !== 0) throw new Error(`mvn ended with ${maven.status ?? maven.signal}`);
    writeFileSync(mark, '');
  }
  return `${jars}/*`;
}
