/** Under which conditions the figures were taken: without these lines no figure is published. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { probe } from '../ts/tools.ts';
import { kafkaVersion } from './rivals/kafka-jars.ts';

/** Facts about machine, file system and versions, by name. */
export function conditions(directory: string): Record<string, string> {
  const [device = 'unknown', type = 'unknown', options = ''] = mountOf(directory);
  return {
    date: new Date().toISOString(),
    cpu: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    'file system': `${type} on ${device} (${options})`,
    'device cache': deviceCache(device),
    driver: driverText(directory),
    policy: 'flush always, and acks=all waits for durable, unless a side says otherwise',
    node: process.version,
    kafka: `${kafkaVersion()}, -Xms1G -Xmx1G G1, ${javaVersion()}`,
    client: 'benches/load (pre-encoded, one thread for all connections) on the same machine',
  };
}

/** The driver that `auto` chooses here, and why. */
function driverText(directory: string): string {
  const { driver, reason, detail } = probe(directory);
  return `${driver}: ${reason}; ${detail}`;
}

/** Device, type and options of the mount that holds `directory`. */
function mountOf(directory: string): readonly string[] {
  return execFileSync('findmnt', ['-no', 'SOURCE,FSTYPE,OPTIONS', '-T', directory], { encoding: 'utf8' })
    .trim()
    .split(/\s+/);
}

/** Whether the kernel sends flushes, and whether the device knows writes that are durable by themselves. */
function deviceCache(device: string): string {
  const name = device.replace('/dev/', '');
  try {
    const queue = `/sys/class/block/${name}/queue`;
    return `${readFileSync(`${queue}/write_cache`, 'utf8').trim()}, FUA ${readFileSync(`${queue}/fua`, 'utf8').trim()}`;
  } catch {
    return 'unknown';
  }
}

function javaVersion(): string {
  try {
    return execFileSync('java', ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? 'unknown';
  } catch {
    return 'no Java';
  }
}
