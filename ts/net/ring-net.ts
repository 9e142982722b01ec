/**
 * Sockets in a ring, as the rest of the program sees them: one owner of the native side, any number of listeners.
 *
 * It knows bytes and connections and no protocol. The invariants to remember: what a turn wants of all connections goes
 * over in one call, at the end of the JavaScript that is running; events are rows of numbers, and dispatching them makes
 * no object; bytes given to `send` stay as they are until `sent` covers them.
 */

import {
  Level,
  type LevelNumber,
  type NativeNet,
  NET_COMMAND_STRIDE,
  NET_EVENT_STRIDE,
  NET_EVENTS_FROM,
  type NetAddress,
  type NetClosedNumber,
  NetCommand,
  NetCounter,
  NetEvent,
  type NetFramingNumber,
  type NetPeer,
  PLACED_FROM,
  PLACED_STRIDE,
  Placed,
  RAN_FROM,
  RAN_STRIDE,
  Ran,
} from '../io/native-types.ts';

/** Whoever has a connection. */
export interface RingUser {
  /** `bytes[start, end)` has arrived: a whole message, or with raw framing anything. Good until `token` is released. */
  frame(bytes: Uint8Array, start: number, end: number, token: number): void;
  /** The peer's kernel has so many bytes, counted since the connection was accepted. */
  sent(bytes: number): void;
  /** The peer sends nothing more, and may still read. Without, the connection closes when everything queued is sent. */
  ended?(): void;
  /** The connection is gone; the last that is heard of it. `detail` is the errno or the claimed length. */
  closed(reason: NetClosedNumber, detail: number): void;
  /** What was done for it where its bytes arrived, as of now: bytes that were queued there, bytes taken, the last command. */
  used?(queued: number, taken: number, command: number): void;
}

/** Whoever says when the frames of armed connections are run where they lie. */
export interface KeptRunner {
  /** Calls `RingNet.runKept` once, or does not want them run now. */
  runKept(): void;
}

/** Whoever takes the connections of a listener. */
export interface RingListener {
  /** A new connection, or null when it is not wanted: then it is closed. */
  accept(connection: number, peer: NetPeer): RingUser | null;
  /** So many connections were not accepted: an errno, or 0 when there are too many. */
  refused(errno: number, count: number): void;
}

/** Whoever follows the requests that the native side has appended where they arrived. */
export interface PlacedFollower {
  /** The row at `rows[at]` (see `Placed`) of a connection of `user`; undefined: it is gone. `memory` has its bytes. */
  placed(user: RingUser | undefined, rows: Float64Array, at: number, memory: Uint8Array): void;
}

/** Opens the native side; `wake` is its one callback. */
export type OpenNet = (wake: () => void) => NativeNet;

/** A connection's number is an index and, from this on, how often that was given out before. */
const INDEX_LIMIT = 2 ** 20;
/** How long a peer may take nothing of what is left to be sent before its end. */
const LINGER_MS = 30_000;
/** Rows of commands kept between turns. */
const ROWS_KEPT = 4096;

export class RingNet {
  /** Monotonic ms of the latest wake. */
  nowMs: number = performance.now();
  readonly #native: NativeNet;
  /** Of the native side, looked up once: each look is a crossing. */
  readonly #events: Float64Array;
  readonly #counters: Float64Array;
  readonly #placed: Float64Array;
  #follower: PlacedFollower | undefined;
  readonly #ran: Float64Array;
  #runner: KeptRunner | undefined;
  #hasKept = false;
  /** By the index in a connection's number; an index is given out again only after its `closed` row. */
  readonly #users: (RingUser | undefined)[] = [];
  readonly #listeners = new Map<number, RingListener>();
  readonly #memories: (Uint8Array | undefined)[] = [];
  readonly #report: (error: unknown) => void;
  #commands = new Float64Array(64 * NET_COMMAND_STRIDE);
  #count = 0;
  #buffers: Uint8Array[] = [];
  #isScheduled = false;
  #onClosed: (() => void) | undefined;

  /** Connections that are closed when everything is sent, and when the peer last took some of it (ms). */
  readonly #finishing = new Map<number, number>();
  readonly #lingerMs: number;
  #lingerTimer: NodeJS.Timeout | undefined;

  /**
   * Throws with the reason when there are no sockets in a ring here. `report` is told what a user throws. A connection that
   * is being finished and takes nothing for `lingerMs` is closed as it is.
   */
  constructor(open: OpenNet, report: (error: unknown) => void = rethrow, lingerMs: number = LINGER_MS) {
    this.#report = report;
    this.#lingerMs = lingerMs;
    this.#native = open(() => this.#wake());
    this.#events = this.#native.events;
    this.#counters = this.#native.counters;
    this.#placed = this.#native.placed;
    this.#ran = this.#native.ran;
  }

  /** Counters of the native side by name; all but three gauges only grow. */
  counters(): Record<keyof typeof NetCounter, number> {
    const counters = {} as Record<keyof typeof NetCounter, number>;
    for (const [name, index] of Object.entries(NetCounter)) {
      counters[name as keyof typeof NetCounter] = this.#counters[index] as number;
    }
    return counters;
  }

  /** Slots with bytes that somebody needs, as of the latest wake or turn. */
  get slotsHeld(): number {
    return this.#counters[NetCounter.slotsHeld] as number;
  }

  /** Listens on a numeric address; port 0 takes a free one. Throws with the system's error code. */
  listen(
    host: string,
    port: number,
    framing: NetFramingNumber,
    maxFirstFrameBytes: number,
    listener: RingListener,
  ): NetAddress {
    const address = this.#native.listen(host, port, framing, maxFirstFrameBytes);
    this.#listeners.set(address.listener, listener);
    return address;
  }

  /** Accepts no more; the connections stay. */
  unlisten(listener: number): void {
    this.#native.unlisten(listener);
    this.#listeners.delete(listener);
  }

  /** Queues `bytes[start, end)`. They must not change until `sent` covers them. */
  send(connection: number, bytes: Uint8Array, start: number, end: number): void {
    const buffers = this.#buffers;
    let index = buffers.length - 1;
    if (buffers[index] !== bytes) index = buffers.push(bytes) - 1;
    const last = (this.#count - 1) * NET_COMMAND_STRIDE;
    const commands = this.#commands;
    // What follows right behind the bytes before it goes with them.
    if (
      last >= 0 &&
      commands[last] === NetCommand.send &&
      commands[last + 1] === connection &&
      commands[last + 2] === index &&
      commands[last + 4] === start
    ) {
      commands[last + 4] = end;
      return;
    }
    this.#command(NetCommand.send, connection, index, start, end);
  }

  /** Queues bytes `[start, end)` of a lease, which is the ring's from now on. */
  sendLease(connection: number, lease: number, start: number, end: number): void {
    this.#command(NetCommand.sendLease, connection, lease, start, end);
  }

  /** Lets the memory of one frame go. */
  release(token: number): void {
    this.#command(NetCommand.release, token, 0, 0, 0);
  }

  /** No more frames after those of the running callback, until `resume`. */
  pause(connection: number): void {
    this.#command(NetCommand.pause, connection, 0, 0, 0);
  }

  resume(connection: number): void {
    this.#command(NetCommand.resume, connection, 0, 0, 0);
  }

  /** From now on frames may be so long, and the buffer one is gathered in has at least so many bytes. */
  limit(connection: number, maxFrameBytes: number, minGatherBytes: number): void {
    this.#command(NetCommand.limit, connection, maxFrameBytes, minGatherBytes, 0);
  }

  /** From now on `follower` hears of what is appended where it arrived; there is one of a ring. */
  follow(follower: PlacedFollower): void {
    this.#follower = follower;
  }

  /** See `NativeNet.plainTopic`. Without somebody who follows nothing is registered. */
  plainTopic(name: Uint8Array, id: Uint8Array, numbers: Float64Array): void {
    if (this.#follower !== undefined && !this.#native.closed) this.#native.plainTopic(name, id, numbers);
  }

  /** See `NativeNet.forgetTopics`. */
  forgetTopics(): void {
    if (!this.#native.closed) this.#native.forgetTopics();
  }

  /** Plain Produce requests of a connection may be appended where they arrive, if it has handed over `frames` so far. */
  plain(connection: number, frames: number): void {
    this.#command(NetCommand.plain, connection, frames, 0, 0);
  }

  /** Connections may be armed from now on, for databases with these stores; `runner` is asked for every batch. */
  keepFor(runner: KeptRunner, stores: Float64Array): void {
    this.#runner = runner;
    this.#native.databases(stores);
  }

  /** Frames of the connection are kept for `runKept`, if it has handed over `frames` so far. */
  arm(connection: number, frames: number, database: number, protocol: number): void {
    this.#command(NetCommand.arm, connection, frames, database, protocol);
  }

  /** See `NativeNet.runKept`; what it came to is in `ran`. */
  runKept(level: LevelNumber): number {
    this.#hasKept = false;
    return this.#native.runKept(level);
  }

  get ran(): Float64Array {
    return this.#ran;
  }

  /** See `NativeNet.sendRan`. What was queued before goes first. */
  sendRan(): number {
    this.turnNow();
    return this.#native.sendRan();
  }

  /** See `NativeNet.dropRan`. */
  dropRan(): void {
    this.turnNow();
    this.#native.dropRan();
  }

  /** Tells everybody what was done for him where his bytes arrived. */
  tellUsed(): void {
    if (this.#runner === undefined || this.#native.closed) return;
    for (let count = this.#native.takeUsed(); count > 0; count = this.#native.takeUsed()) {
      const rows = this.#ran;
      for (let at = RAN_FROM; at < RAN_FROM + count * RAN_STRIDE; at += RAN_STRIDE) {
        const user = this.#users[(rows[at] as number) % INDEX_LIMIT];
        user?.used?.(rows[at + 1] as number, rows[at + 2] as number, rows[at + 3] as number);
      }
    }
  }

  /** Before everything else of the batch: what follows of a connection comes behind it. */
  #runKept(): void {
    this.#hasKept = true;
    try {
      this.#runner?.runKept();
    } catch (error) {
      this.#report(error);
    }
    if (this.#hasKept) this.runKept(Level.memory);
    // What follows may run more.
    const left = this.#ran.slice(RAN_FROM, RAN_FROM + (this.#ran[Ran.left] as number) * RAN_STRIDE);
    for (let at = 0; at < left.length; at += RAN_STRIDE) {
      try {
        this.#frame(left, at);
      } catch (error) {
        this.#report(error);
      }
    }
  }

  /** A frame's row without its kind: connection, memory, start, end, token. */
  #frame(rows: Float64Array, at: number): void {
    const token = rows[at + 4] as number;
    const user = this.#users[(rows[at] as number) % INDEX_LIMIT];
    // Forgotten meanwhile; the memory is still to be let go of.
    if (user === undefined) this.release(token);
    else user.frame(this.#memory(rows[at + 1] as number), rows[at + 2] as number, rows[at + 3] as number, token);
  }

  /** Closes at once and forgets the user: it hears nothing more. */
  drop(connection: number): void {
    if (this.#forget(connection) !== undefined) this.#command(NetCommand.close, connection, 0, 0, 0);
  }

  /** Closes when everything queued has been sent, or the peer takes nothing of it any more; the user is told. */
  finish(connection: number): void {
    this.#command(NetCommand.close, connection, 1, 0, 0);
    this.#finishing.set(connection, performance.now());
    this.#lingerTimer ??= setInterval(() => this.#endLingering(), this.#lingerMs / 4).unref();
  }

  #endLingering(): void {
    const now = performance.now();
    for (const [connection, since] of this.#finishing) {
      if (now - since < this.#lingerMs) continue;
      this.#finishing.delete(connection);
      this.#command(NetCommand.close, connection, 0, 0, 0);
    }
    if (this.#finishing.size > 0) return;
    clearInterval(this.#lingerTimer);
    this.#lingerTimer = undefined;
  }

  /** Closes everything at once. Resolves when nothing is left. */
  async close(): Promise<void> {
    if (this.#native.closed) return;
    this.turnNow();
    await new Promise<void>((resolve) => {
      this.#onClosed = resolve;
      this.#native.close();
      if (this.#native.closed) resolve();
    });
  }

  #command(kind: number, first: number, second: number, third: number, fourth: number): void {
    const at = this.#count * NET_COMMAND_STRIDE;
    if (at === this.#commands.length) {
      const larger = new Float64Array(this.#commands.length * 2);
      larger.set(this.#commands);
      this.#commands = larger;
    }
    const commands = this.#commands;
    commands[at] = kind;
    commands[at + 1] = first;
    commands[at + 2] = second;
    commands[at + 3] = third;
    commands[at + 4] = fourth;
    this.#count += 1;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(turnOf, this);
  }

  /** Hands over what has been collected. Called by the schedule, and by whoever cannot wait for it. */
  turnNow(): void {
    this.#isScheduled = false;
    const count = this.#count;
    if (count === 0) return;
    const commands = this.#commands;
    const buffers = this.#buffers;
    this.#count = 0;
    if (buffers.length > 0) this.#buffers = [];
    if (commands.length > ROWS_KEPT * NET_COMMAND_STRIDE) {
      this.#commands = new Float64Array(64 * NET_COMMAND_STRIDE);
    }
    this.#native.turn(commands, count, buffers);
  }

  /** The one callback of the native side. */
  #wake(): void {
    this.nowMs = performance.now();
    this.#followPlaced();
    const events = this.#events;
    if ((events[1] as number) > 0) this.#runKept();
    const end = NET_EVENTS_FROM + (events[0] as number) * NET_EVENT_STRIDE;
    for (let at = NET_EVENTS_FROM; at < end; at += NET_EVENT_STRIDE) {
      try {
        this.#event(events, at);
      } catch (error) {
        this.#report(error);
      }
    }
    if (this.#onClosed && this.#native.closed) this.#onClosed();
  }

  /** Before everything else of the batch: nobody is to commit anything that came later. */
  #followPlaced(): void {
    const rows = this.#placed;
    const end = PLACED_FROM + (rows[0] as number) * PLACED_STRIDE;
    for (let at = PLACED_FROM; at < end; at += PLACED_STRIDE) {
      try {
        const user = this.#users[(rows[at + Placed.connection] as number) % INDEX_LIMIT];
        this.#follower?.placed(user, rows, at, this.#memory(rows[at + Placed.memory] as number));
      } catch (error) {
        this.#report(error);
      }
    }
  }

  #event(events: Float64Array, at: number): void {
    const connection = events[at + 1] as number;
    switch (events[at]) {
      case NetEvent.frame:
        this.#frame(events, at + 1);
        return;
      case NetEvent.sent:
        if (this.#finishing.has(connection)) this.#finishing.set(connection, this.nowMs);
        this.#users[connection % INDEX_LIMIT]?.sent(events[at + 2] as number);
        return;
      case NetEvent.accepted:
        this.#accepted(connection, events[at + 2] as number);
        return;
      case NetEvent.closed:
        this.#finishing.delete(connection);
        this.#forget(connection)?.closed(events[at + 2] as NetClosedNumber, events[at + 3] as number);
        return;
      case NetEvent.ended: {
        const user = this.#users[connection % INDEX_LIMIT];
        if (user?.ended) user.ended();
        else this.finish(connection);
        return;
      }
      case NetEvent.refused:
        this.#listeners.get(connection)?.refused(events[at + 2] as number, events[at + 3] as number);
        return;
      default:
        throw new Error(`unknown event ${events[at]} of the ring's sockets`);
    }
  }

  #accepted(connection: number, listener: number): void {
    const peer = this.#native.peer(connection);
    const user = peer && this.#listeners.get(listener)?.accept(connection, peer);
    if (user) this.#users[connection % INDEX_LIMIT] = user;
    else this.#command(NetCommand.close, connection, 0, 0, 0);
  }

  #forget(connection: number): RingUser | undefined {
    const user = this.#users[connection % INDEX_LIMIT];
    this.#users[connection % INDEX_LIMIT] = undefined;
    return user;
  }

  #memory(index: number): Uint8Array {
    const known = this.#memories[index];
    if (known !== undefined) return known;
    const memory = this.#native.memory(index);
    this.#memories[index] = memory;
    return memory;
  }
}

function turnOf(net: RingNet): void {
  net.turnNow();
}

function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
