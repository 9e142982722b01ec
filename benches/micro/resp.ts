/** The Redis protocol: commands cut from bytes, replies written as bytes. */
import { RespParser } from '../../ts/redis/protocol/parser.ts';
import { type PieceSink, ReplyWriter } from '../../ts/redis/protocol/reply-writer.ts';
import { assertDone, type Work } from './work.ts';

const COMMANDS = 100;
const limits = { maxArguments: 1000, maxBulkBytes: 1 << 20, maxCommandBytes: 1 << 20 };
const value: Buffer = Buffer.alloc(100, 'v');

/** Counts the bytes it is given. */
class CountingSink implements PieceSink {
  bytes = 0;
  readonly count = 0;

  piece(_bytes: Buffer, start: number, end: number): void {
    this.bytes += end - start;
  }

  truncate(): void {
    this.bytes = 0;
  }
}

/** Cutting pipelines, whole and in pieces of a network, and writing replies. */
export function respWorks(): Work[] {
  const one = `*3\r\n$3\r\nSET\r\n$16\r\n${'k'.repeat(16)}\r\n$100\r\n${value}\r\n`;
  const pipeline = Buffer.from(one.repeat(COMMANDS));
  return [cutWork(pipeline, pipeline.length), cutWork(pipeline, 1448), replyWork()];
}

/** Cuts commands from bytes that arrive so many at a time. */
function cutWork(pipeline: Buffer, at: number): Work {
  const how = at >= pipeline.length ? 'at once' : `in pieces of ${at} bytes`;
  return {
    group: 'resp',
    name: `${COMMANDS} SETs that arrive ${how} are cut`,
    run() {
      const parser = new RespParser(limits);
      let commands = 0;
      for (let from = 0; from < pipeline.length; from += at) {
        parser.push(pipeline, from, Math.min(from + at, pipeline.length));
        while (parser.next() !== null) commands += 1;
        parser.settle();
      }
      assertDone(commands, COMMANDS, 'commands');
    },
  };
}

function replyWork(): Work {
  const sink = new CountingSink();
  const writer = new ReplyWriter(sink);
  return {
    group: 'resp',
    name: `${COMMANDS} replies of 100 bytes are written`,
    run() {
      sink.bytes = 0;
      for (let index = 0; index < COMMANDS; index += 1) writer.bulk(value);
      writer.seal();
      assertDone(sink.bytes, COMMANDS * '$100\r\n'.length + COMMANDS * (value.length + 2), 'bytes');
    },
  };
}
