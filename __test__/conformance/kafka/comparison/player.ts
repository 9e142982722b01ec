/**
 * Plays the script against one broker and writes down its answers, made comparable.
 *
 * Not the comparison. To remember: an answer is decoded by our codec and must encode to the same bytes again, so equal
 * answers here are equal bytes on the wire.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from '../../../../ts/broker/protocol/api.ts';
import { saslHandshakeApi } from '../../../../ts/broker/protocol/gen/17-sasl-handshake.gen.ts';
import { apiVersionsApi } from '../../../../ts/broker/protocol/gen/18-api-versions.gen.ts';
import { saslAuthenticateApi } from '../../../../ts/broker/protocol/gen/36-sasl-authenticate.gen.ts';
import { encodeRequestHeader, skipResponseTags } from '../../../../ts/broker/protocol/header.ts';
import { Reader } from '../../../../ts/broker/protocol/reader.ts';
import { Writer } from '../../../../ts/broker/protocol/writer.ts';
import { WireConnection } from '../../../support/wire.ts';
import { RequestWriter } from '../../../support/wire-fields.ts';
import { type Comparable, comparable } from './comparable.ts';
import { rawSteps, script } from './script/index.ts';
import { type Notes, NotToldError, type Step } from './step.ts';

/** One answer, as it stands in a transcript. */
export interface Told {
  /** `step vN`. */
  readonly at: string;
  readonly api: string;
  readonly answer: Comparable;
}

export interface PlayOptions {
  /** After a step that changes something, ms. */
  readonly settleMs: number;
  /** Versions of an API that this broker has; steps are played in those. */
  readonly only?: ReadonlySet<string> | undefined;
  /** Who plays; nobody logs in without. */
  readonly login?: { readonly user: string; readonly password: string };
  /** Steps to play instead of the whole script, in the highest version of each, and no raw ones. */
  readonly steps?: readonly Step[];
}

/** Kafka says these while a coordinator starts; they are no answers to the question. */
const NOT_YET = /"errorCode":1[456][,}]/;
const PATIENCE = 100;
/** Stands for the answer to a request that could not be made. */
const NOT_ASKED = 'not asked';
/** A broker that says nothing for this long says nothing. */
const SILENCE_MS = 3_000;

/** Plays everything; `only` limits it to the places of another transcript. */
export async function play(address: string, options: PlayOptions): Promise<Told[]> {
  using player = new Player(address, options.login);
  await player.open();
  const told: Told[] = [];
  const notes: Notes = new Map();
  for (const one of options.steps ?? script) {
    for (const version of player.versionsOf(one).slice(options.steps === undefined ? 0 : -1)) {
      const at = `${one.name} v${version}`;
      if (options.only !== undefined && !options.only.has(at)) continue;
      const answer = await player.step(one, version, notes).catch((error: unknown) => {
        // Whoever may not do everything is not told everything that later steps ask with.
        if (error instanceof NotToldError && options.login !== undefined) return NOT_ASKED;
        throw error;
      });
      told.push({ at, api: one.api.name, answer });
      if (one.changes) await sleep(options.settleMs);
    }
  }
  for (const { name, frame } of options.steps === undefined ? rawSteps : [])
    told.push({ at: name, api: 'raw', answer: await player.raw(frame) });
  return told;
}

class Player implements Disposable {
  readonly #address: string;
  readonly #login: PlayOptions['login'];
  readonly #ranges = new Map<number, readonly [number, number]>();
  readonly #symbols = new Map<string, string>();
  #wire: WireConnection | null = null;
  #correlationId = 0;

  constructor(address: string, login: PlayOptions['login']) {
    this.#address = address;
    this.#login = login;
  }

  async open(): Promise<void> {
    const { answer } = await this.#ask(apiVersionsApi, 0, {});
    for (const { apiKey, minVersion, maxVersion } of (answer as ApiKeys).apiKeys) {
      this.#ranges.set(apiKey, [minVersion, maxVersion]);
    }
  }

  /** Versions in which a step is played: those that the broker tells and our codec has. */
  versionsOf({ api, versions = [0, Number.MAX_SAFE_INTEGER] }: Step): number[] {
    const [least, most] = this.#ranges.get(api.key) ?? [0, -1];
    const from = Math.max(least, api.minVersion, versions[0]);
    const to = Math.min(most, api.maxVersion, versions[1]);
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
  }

  async step(step: Step, version: number, notes: Notes): Promise<Comparable> {
    for (let attempt = 1; ; attempt += 1) {
      const { answer } = await this.#ask(step.api, version, step.ask(version, notes));
      if (typeof answer === 'string') return answer;
      const text = comparable(answer, this.#symbols);
      if (NOT_YET.test(JSON.stringify(text)) && attempt < PATIENCE) {
        await sleep(100);
        continue;
      }
      step.keep(answer, notes, version);
      return text;
    }
  }

  /** What becomes of one frame: the bytes behind the correlation id, or the end of the connection. */
  async raw(frame: Uint8Array): Promise<Comparable> {
    this[Symbol.dispose]();
    const bytes = await this.#exchange(frame);
    this[Symbol.dispose]();
    return typeof bytes === 'string' ? bytes : `answered, ${bytes.length} bytes`;
  }

  [Symbol.dispose](): void {
    this.#wire?.[Symbol.dispose]();
    this.#wire = null;
  }

  async #ask(api: Api<unknown, unknown>, version: number, request: unknown): Promise<{ answer: unknown }> {
    this.#correlationId += 1;
    const writer = new Writer();
    encodeRequestHeader(writer, api, version, this.#correlationId, 'comparison');
    api.encodeRequest(writer, version, request as never);
    const bytes = await this.#exchange(writer.bytes());
    if (typeof bytes === 'string') return { answer: bytes };
    const reader = new Reader(bytes);
    if (reader.int32() !== this.#correlationId) throw new Error(`${api.name} v${version}: another correlation id`);
    skipResponseTags(reader, api, version);
    const start = reader.position;
    const answer = api.decodeResponse(reader, version);
    if (!encoded(api, version, answer).equals(bytes.subarray(start))) {
      throw new Error(`${api.name} v${version}: our codec would write other bytes`);
    }
    return { answer };
  }

  async #connect(): Promise<WireConnection> {
    const wire = await WireConnection.open(this.#address);
    if (this.#login === undefined) return wire;
    const { user, password } = this.#login;
    await wire.call(saslHandshakeApi.key, 1, new RequestWriter().string('PLAIN'));
    const token = Buffer.from(`\0${user}\0${password}`);
    const answer = await wire.call(saslAuthenticateApi.key, 0, new RequestWriter().int32(token.length).raw(token));
    if (answer.int16() !== 0) throw new Error(`${user} could not log in`);
    return wire;
  }

  async #exchange(frame: Uint8Array): Promise<Buffer | string> {
    const wire = this.#wire ?? (await this.#connect());
    this.#wire = wire;
    const length = Buffer.alloc(4);
    length.writeInt32BE(frame.length);
    wire.send(Buffer.concat([length, frame]));
    try {
      return Buffer.from(await wire.frame(SILENCE_MS));
    } catch {
      const end = wire.closed ? 'closed' : 'silent';
      this[Symbol.dispose]();
      return end;
    }
  }
}

interface ApiKeys {
  readonly apiKeys: readonly { apiKey: number; minVersion: number; maxVersion: number }[];
}

function encoded(api: Api<unknown, unknown>, version: number, answer: unknown): Buffer {
  const writer = new Writer();
  api.encodeResponse(writer, version, answer);
  return Buffer.from(writer.bytes());
}
