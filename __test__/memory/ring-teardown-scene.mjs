/**
 * One scene of the teardown tests of `millrace/io`, run in a process or worker of its own: opens a ring, brings it to a
 * stage, and ends the environment in one way.
 *
 * Plain JavaScript on the built package, because a worker that translates TypeScript takes seconds. Arguments: directory,
 * driver, stage, ending. Prints `written` when the queued write has resolved.
 */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { Arena, mapFile, openRing } from 'millrace/io';

const [dir, driver, stage, ending] = /** @type {[string, 'ring' | 'pool', string, string]} */ (
  workerData ?? process.argv.slice(2)
);

const ring = await openRing({ driver, threads: 2 });
const file = await ring.open(join(dir, `${driver}-${stage}-${ending}`), { flags: 'w+', direct: true });
const arena = new Arena({ slotBytes: 65_536, slots: 16 });
const map = mapFile(process.execPath);

// Somebody else ends this environment: it must still be there then.
if (ending === 'terminate') setInterval(() => undefined, 1000);
parentPort?.postMessage('staged');

/** Ends the environment; `natural` and `terminate` just go on. */
function end() {
  if (ending === 'exit') process.exit(7);
  if (ending === 'uncaught') throw new Error('scene ends here');
}

/** Writes one block after the other for as long as the environment lives, or 50 ms. */
async function storm() {
  const until = Date.now() + 50;
  const lease = arena.lease();
  for (let at = 0; ending === 'terminate' || Date.now() < until; at += 1) {
    await file.write(lease, { position: (at % 64) * 65_536, durable: at % 8 === 0 });
  }
  lease.release();
}

if (stage === 'idle') {
  setTimeout(end, 5);
} else if (stage === 'queued') {
  file.write(arena.lease(), { position: 0, durable: true }).then(
    () => process.stdout.write('written\n'),
    () => undefined,
  );
  end();
} else if (stage === 'writing') {
  for (let at = 0; at < 8; at += 1) {
    file.write(arena.lease(), { position: at * 65_536, durable: true }).catch(() => undefined);
    file.datasync().catch(() => undefined);
  }
  // The next turn's prepare phase submits them; then they are in flight.
  setImmediate(() => setImmediate(end));
} else if (stage === 'waiting') {
  // Whatever waits for somebody else: it must not be waited for.
  const { readable } = ring.pipe();
  const listener = await ring.listen();
  const waiting = [
    readable.read(arena.lease()),
    readable.read(Buffer.alloc(100)),
    listener.accept(),
    ring.timeout(3_600_000),
    readable.poll('readable'),
  ];
  for (const one of waiting) one.catch(() => undefined);
  setImmediate(() => setImmediate(end));
  // A natural end needs nothing in flight.
  if (ending === 'natural') setTimeout(() => void ring.close(), 10);
} else if (stage === 'storm') {
  for (let writer = 0; writer < 8; writer += 1) void storm();
  setTimeout(end, 20);
} else if (stage === 'callback') {
  // Ends inside the addon's own callback, a row's.
  const batch = ring.batch({ onCompletions: end });
  batch.nop(1);
  batch.submit();
} else if (stage === 'closing') {
  file.write(arena.lease(), { position: 0, durable: true }).catch(() => undefined);
  void ring.close();
  end();
}
if (map.bytes[0] !== 0x7f) throw new Error('the map shows something else');
