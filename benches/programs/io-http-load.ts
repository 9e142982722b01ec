/**
 * The load of io-http.ts: keeps so many connections busy with one request each and counts the bytes of the answers.
 *
 * To remember: it knows how long an answer is, because its head says so the first time and all are alike; bytes go into
 * one buffer that nobody looks at, so that the load costs as little as JavaScript can.
 */
import { connect } from 'node:net';

interface Order {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

const HEAD_END = '\r\n\r\n';

function run({ port, path, connections, bytes, seconds, warmUpSeconds }: Order): void {
  let answered = 0;
  let isCounting = false;
  const request = `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`;
  const open = (): void => {
    const buffer = Buffer.allocUnsafeSlow(256 * 1024);
    /** Bytes of the answer that are missing; 0 while its head is. */
    let left = 0;
    const callback = (count: number): boolean => {
      if (left === 0) {
        const head = buffer.toString('latin1', 0, count);
        if (!head.startsWith('HTTP/1.1 200') || !head.includes(HEAD_END)) throw new Error(`unexpected: ${head}`);
        left = bytes - (count - head.indexOf(HEAD_END) - HEAD_END.length);
      } else {
        left -= count;
      }
      if (left < 0) throw new Error('the answer is longer than the file');
      if (left === 0) {
        if (isCounting) answered += 1;
        socket.write(request);
      }
      return true;
    };
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } });
    socket.on('connect', () => socket.write(request));
    socket.on('error', (error) => {
      throw error;
    });
  };
  for (let number = 0; number < connections; number += 1) open();
  setTimeout(() => {
    isCounting = true;
    process.send?.({ begun: true });
    setTimeout(() => {
      isCounting = false;
      process.send?.({ answered });
    }, seconds * 1000);
  }, warmUpSeconds * 1000);
}

process.once('message', (order) => run(order as Order));
