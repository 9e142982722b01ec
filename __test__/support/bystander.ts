/**
 * What the machine does to anybody at this moment: a small process that answers a byte once it has written and flushed a
 * block. A server's latency beside its own tells a slow server from a slow machine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { scratch } from './scratch.ts';

const program = `
  process.stdin.on('end', () => process.exit()).resume();
  const { openSync, writeSync, fdatasyncSync } = require('node:fs');
  const { createServer } = require('node:net');
  const [file, block] = [openSync(process.argv[1], 'w'), Buffer.alloc(4096)];
  const server = createServer({ noDelay: true }, (socket) => socket.on('error', () => 0).on('data', (data) => {
    writeSync(file, block, 0, block.length, 0);
    fdatasyncSync(file);
    socket.write(data);
  }));
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

export class Bystander implements Disposable {
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #directory: ReturnType<typeof scratch>;

  private constructor(child: ChildProcess, socket: Socket, directory: ReturnType<typeof scratch>) {
    this.#child = child;
    this.#socket = socket;
    this.#directory = directory;
  }

  static async begin(): Promise<Bystander> {
    const directory = scratch('bystander');
    const child = spawn(process.execPath, ['-e', program, join(directory.path, 'block')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [port] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Bystander(child, socket, directory);
  }

  /** Asks once. Milliseconds until the answer. */
  async ask(): Promise<number> {
    const began = performance.now();
    this.#socket.write('x');
    await once(this.#socket, 'data');
    return performance.now() - began;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
    this.#child.kill('SIGKILL');
    this.#directory[Symbol.dispose]();
  }
}
