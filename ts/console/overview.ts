/**
 * What the first page shows: how the server does, what a power cut could take, and what needs looking at.
 *
 * Not its history (sampler.ts). To remember: a warning says what is wrong and where to look, and there is none for what
 * is as it should be.
 */

import { describeFlush, describeLoss, levelName, levelNumber } from '../durability.ts';
import { Stores } from '../kv/stores.ts';
import { groupIds } from '../metrics/groups.ts';
import type { ServerParts } from '../server-parts.ts';
import { version } from '../version.ts';
import type { AboutView, OverviewView, Warning } from './api.ts';
import { roomOf } from './disk.ts';
import type { ConsoleParts } from './parts.ts';

const LEVEL_OF_ACKS = [
  { acks: 'all', asked: 'durable' },
  { acks: '1', asked: 'written' },
  { acks: '0', asked: 'memory' },
] as const;

/** Below this share of free space, and this many bytes, the page warns. */
const FREE_SHARE = 0.1;
const FREE_BYTES = 1 << 30;

export function about({ server, mayWrite }: ConsoleParts): AboutView {
  const { kafka, dir } = server;
  return { version, mayWrite, dir: dir ?? null, kafka: `${kafka.host}:${kafka.port}` };
}

export async function overview(parts: ConsoleParts): Promise<OverviewView> {
  const { server } = parts;
  const { engine, broker } = server;
  const { catalogue } = broker.context;
  const ids = [...catalogue.all()].flatMap((topic) => topic.partitions);
  const disk = await roomOf(server.dir);
  const { driver, reason, detail } = engine.driver;
  return {
    version,
    uptimeSeconds: Math.round(process.uptime()),
    poisoned: parts.isPoisoned(),
    driver: { name: driver, reason, detail },
    flush: describeFlush(server.flush),
    acks: acksOf(server),
    topics: catalogue.size,
    partitions: ids.length,
    groups: groupIds(broker.context).length,
    stores: Stores.of(engine).names().length,
    connections: broker.connections,
    redisClients: server.counters()['redis.clients'] ?? null,
    disk,
    dataBytes: engine.partitionBytes(ids).reduce((sum, bytes) => sum + Math.max(0, bytes), 0),
    warnings: warningsOf(parts, disk),
  };
}

/** What each `acks` waits for under the floor that is in force, and what a power cut takes of it all the same. */
function acksOf({ flush, broker }: ServerParts): OverviewView['acks'] {
  const floor = levelNumber(broker.context.settings.text('min.durability') as 'memory');
  return LEVEL_OF_ACKS.map(({ acks, asked }) => {
    const level = levelName(Math.max(floor, levelNumber(asked)) as 0 | 1 | 2);
    return { acks, level, loss: describeLoss(flush, level) };
  });
}

function warningsOf(parts: ConsoleParts, disk: OverviewView['disk']): Warning[] {
  const { engine, knowsClients } = parts.server;
  const warnings: Warning[] = [];
  if (parts.isPoisoned()) {
    const text = 'A flush failed: nothing can be written any more. Reads go on until the server is stopped.';
    warnings.push({ level: 'bad', text, link: '#/health' });
  }
  const { damage, clean, ended } = engine.recovery;
  if (damage.length > 0) {
    const text = `The last opening found ${damage.length} damaged range${damage.length === 1 ? '' : 's'}.`;
    warnings.push({ level: 'bad', text, link: '#/health' });
  }
  if (!clean && ended !== 'first') {
    warnings.push({ level: 'warn', text: 'The server was not closed cleanly before this start.', link: '#/health' });
  }
  if (disk && disk.freeBytes < FREE_BYTES && disk.freeBytes < disk.totalBytes * FREE_SHARE) {
    warnings.push({ level: 'bad', text: 'The disk is almost full.', link: '#/storage' });
  }
  if (engine.driver.driver === 'pool') {
    warnings.push({ level: 'warn', text: `io_uring is not used: ${engine.driver.reason}.`, link: '#/health' });
  }
  if (parts.mayWrite && !knowsClients) {
    warnings.push({ level: 'warn', text: 'This console may change data, and the server asks nobody who they are.' });
  }
  return warnings;
}
