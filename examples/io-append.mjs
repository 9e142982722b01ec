/**
 * A durable append-only file in twenty lines: everything that is appended while a write is on its way goes with the next,
 * and a promise that has resolved survives a power cut.
 *
 *     node examples/io-append.mjs FILE
 */
import { openRing } from 'millrace/io';

export class AppendFile {
  #waiting = [];
  #failed;
  constructor(file, end) {
    Object.assign(this, { file, end, busy: false });
  }
  static async open(ring, path) {
    const file = await ring.open(path, { flags: 'a+' });
    return new AppendFile(file, (await file.stat()).size);
  }
  append(bytes) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
      if (!this.busy) this.#commit();
    });
  }
  async #commit() {
    for (this.busy = true; this.#waiting.length > 0; ) {
      const group = this.#waiting.splice(0);
      try {
        // After a failed write nobody knows what is on the device: nothing is taken any more.
        if (this.#failed) throw this.#failed;
        const all = Buffer.concat(group.map(({ bytes }) => bytes));
        for (let done = 0; done < all.length; ) done += await this.file.write(all.subarray(done), { durable: true });
        this.end += all.length;
        for (const { resolve } of group) resolve(this.end);
      } catch (error) {
        this.#failed = error;
        for (const { reject } of group) reject(error);
      }
    }
    this.busy = false;
  }
}

if (process.argv[1]?.endsWith('io-append.mjs')) {
  const path = process.argv[2] ?? 'append.log';
  const ring = await openRing();
  const log = await AppendFile.open(ring, path);
  const lines = Array.from({ length: 1000 }, (_, number) => Buffer.from(`line ${number}\n`));
  const before = log.end;
  await Promise.all(lines.map((line) => log.append(line)));
  console.log(`${lines.length} lines are durable, ${log.end - before} bytes`);
  await ring.close();
}
