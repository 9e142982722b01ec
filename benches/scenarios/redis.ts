/**
 * GET and SET over the Redis protocol, against redis-server with the same promise: 50 connections, one command or sixteen
 * in flight. On a machine with two cores the load takes one, so the CPU time of a command says more than the rate.
 */
import { join } from 'node:path';
import { freePort, startServer } from '../../__test__/support/server.ts';
import { type AppendFsync, benchmark, type RedisLoad, startRedis } from '../rivals/redis.ts';
import type { Goal, Scenario, Side, Workplace } from '../scenario.ts';

const RING = 'millrace, sockets in a ring';
const NODE = "millrace, Node's sockets";
const REDIS = 'redis-server';
const FLUSH = { always: 'always', everysec: 'interval=1s' } as const;
/** Commands of one measurement for each of its seconds. */
const RATE = { 1: 40_000, 16: 200_000 } as const;

async function millrace(
  workplace: Workplace,
  appendFsync: AppendFsync,
  sockets: 'ring' | 'node',
  load: RedisLoad,
): Promise<Side> {
  const port = await freePort();
  const directory = join(workplace.directory(`millrace-${sockets}`), 'data');
  const server = await startServer({
    directory,
    redis: `127.0.0.1:${port}`,
    flush: FLUSH[appendFsync],
    sockets,
  });
  workplace.defer(() => server[Symbol.asyncDispose]());
  return { name: sockets === 'ring' ? RING : NODE, measure: async () => benchmark({ port, pid: server.pid }, load) };
}

async function redis(workplace: Workplace, appendFsync: AppendFsync, load: RedisLoad): Promise<Side> {
  const rival = await startRedis(workplace.directory('redis'), appendFsync);
  workplace.defer(() => rival.stop());
  return { name: REDIS, measure: async () => benchmark(rival, load) };
}

function scenario(
  command: 'get' | 'set',
  pipeline: 1 | 16,
  appendFsync: AppendFsync,
  goals: readonly Goal[],
): Scenario {
  return {
    name: `redis-${command}-p${pipeline}-${appendFsync}`,
    what: `50 connections, ${pipeline} ${command.toUpperCase()} in flight each, values of 100 B, appendfsync ${appendFsync}`,
    goals,
    async open(workplace) {
      const load = { command, pipeline, requests: Math.round(RATE[pipeline] * workplace.size.seconds) };
      const own = await millrace(workplace, appendFsync, 'ring', load);
      if (!workplace.size.rivals) return [own];
      return [own, await millrace(workplace, appendFsync, 'node', load), await redis(workplace, appendFsync, load)];
    },
  };
}

const everysec: readonly Goal[] = [
  { figure: 'requestsPerSecond', side: RING, against: REDIS, ratioAtLeast: 1 },
  { figure: 'requestsPerSecond', side: NODE, against: REDIS, ratioAtLeast: 0.9 },
];
const always: readonly Goal[] = [{ figure: 'requestsPerSecond', side: RING, against: REDIS, ratioAtLeast: 1.2 }];

export const redisScenarios: readonly Scenario[] = [
  scenario('get', 1, 'everysec', everysec),
  scenario('get', 16, 'everysec', everysec),
  scenario('set', 1, 'everysec', everysec),
  scenario('set', 16, 'everysec', everysec),
  scenario('set', 1, 'always', always),
  scenario('set', 16, 'always', always),
];
