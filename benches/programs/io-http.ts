/**
 * A server that answers every request with one file, over HTTP: `examples/io-http.mjs` (sendfile), or a read stream piped
 * into the response. The load is a process of its own (io-http-load.ts), so the CPU time is the server's.
 */
import { fork } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ioOptions, openRing } from './io-options.ts';

const example = new URL('../../examples/io-http.mjs', import.meta.url).href;
const { fileServer }: { fileServer: (ring: unknown, directory: string) => Server } = await import(example);

const { by, file, depth, seconds, warmUpSeconds } = ioOptions();
const { size } = await stat(file);
const ring = await openRing();

function streaming(): Server {
  return createServer(async (_request, response) => {
    const { size: length } = await stat(file);
    response.writeHead(200, { 'content-length': length, 'content-type': 'application/octet-stream' });
    pipeline(createReadStream(file), response, (error) => {
      if (error) response.destroy();
    });
  });
}

const server = by === 'millrace' ? fileServer(ring, dirname(file)) : streaming();
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
const load = fork(fileURLToPath(new URL('io-http-load.ts', import.meta.url)), [], { execArgv: ['--import', 'tsx'] });
load.send({ port, path: `/${basename(file)}`, connections: depth, bytes: size, seconds, warmUpSeconds });

let cpu: NodeJS.CpuUsage | undefined;
const answered = await new Promise<number>((resolve, reject) => {
  load.once('exit', (code) => reject(new Error(`the load ended with ${code}`)));
  load.on('message', (message: { begun?: true; answered?: number }) => {
    if (message.begun) cpu = process.cpuUsage();
    if (message.answered !== undefined) resolve(message.answered);
  });
});
const used = process.cpuUsage(cpu);
load.removeAllListeners('exit');
load.kill();
server.closeAllConnections();
server.close();
await ring.close();
const figures = {
  requests: answered,
  requestsPerSecond: answered / seconds,
  megabytesPerSecond: (answered * size) / 1e6 / seconds,
  serverCpuMicrosPerRequest: (used.user + used.system) / answered,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
