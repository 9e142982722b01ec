/**
 * What a bare `npm start` listens on beside Kafka: Redis on its usual port, when nobody else has it.
 *
 * Not a default of `millrace serve`: whoever passes arguments says what is served.
 */
import { createServer } from 'node:net';

const host = '127.0.0.1';
const redisPort = 6379;

/**
 * @param {number} port
 * @returns {Promise<boolean>} whether this process could listen on it now
 */
export function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host }, () => probe.close(() => resolve(true)));
  });
}

/**
 * @param {readonly string[]} args as given to `npm start`
 * @param {number} port where Redis clients look
 * @returns {Promise<readonly string[]>} the arguments for `serve`
 */
export async function withDefaultListeners(args, port = redisPort) {
  if (args.length > 0) return args;
  if (await isFree(port)) return ['--redis', `${host}:${port}`];
  process.stderr.write(
    `millrace: port ${port} is in use, so Redis clients are not served; -- --redis HOST:PORT chooses\n`,
  );
  return args;
}
