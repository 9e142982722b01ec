/**
 * Serves files over HTTP with sendfile: the bytes go from the page cache to the socket in the kernel, Node only writes the
 * head.
 *
 *     node examples/io-http.mjs DIRECTORY [PORT]
 */
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { openRing, sendFile, TransferError } from 'millrace/io';

/** A server of the files below `directory`; not listening yet. */
export function fileServer(ring, directory) {
  return createServer(async (request, response) => {
    // A path that leads out is one that does not begin below the directory.
    const path = join(directory, normalize(decodeURIComponent(new URL(request.url, 'http://host').pathname)));
    let file;
    try {
      if (!path.startsWith(join(directory, '/'))) throw Object.assign(new Error('outside'), { errno: 2 });
      file = await ring.open(path);
      const { size, isFile } = await file.stat();
      if (!isFile) throw Object.assign(new Error('no file'), { errno: 2 });
      response.writeHead(200, { 'content-length': size, 'content-type': 'application/octet-stream' });
      response.flushHeaders();
      // The head must have left before the kernel writes to the same socket.
      await new Promise((resolve) => response.socket.write('', resolve));
      if (request.method !== 'HEAD') {
        const socket = ring.attach(response.socket);
        const closed = new AbortController();
        response.once('close', () => closed.abort());
        await sendFile(file, socket, { length: size, signal: closed.signal }).finally(() => socket.close());
      }
      response.end();
    } catch (error) {
      if (response.headersSent || error instanceof TransferError) response.destroy();
      else response.writeHead(error.errno === 2 ? 404 : 500).end();
    } finally {
      await file?.[Symbol.asyncDispose]();
    }
  });
}

if (process.argv[1]?.endsWith('io-http.mjs')) {
  const [, , directory = '.', port = '8080'] = process.argv;
  const ring = await openRing();
  const server = fileServer(ring, directory);
  server.listen(Number(port), '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}/ serves ${directory}, driver ${ring.driver.driver}`);
  });
  process.once('SIGINT', async () => {
    server.closeAllConnections();
    server.close();
    await ring.close();
  });
}
