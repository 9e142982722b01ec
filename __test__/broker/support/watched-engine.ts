/**
 * The real engine on the simulated disk, with a look at what is submitted to it.
 *
 * Not a double: everything is done by the engine, except that a frame can be refused on its way there, for the errors a
 * healthy simulated disk does not give at will.
 */
import { type NodeEngine, openEngine } from '../../../ts/io/engine.ts';
import { Code, type CodeNumber, type LevelNumber } from '../../../ts/io/native-types.ts';
import type { Effect, EffectResult, Engine } from '../../../ts/log/types.ts';
import type { EngineOptions } from '../../../ts/options.ts';

type Done = (results: readonly EffectResult[], failure: CodeNumber) => void;

type Placed = (results: readonly EffectResult[]) => void;

const NOTHING = { baseOffset: -1, logAppendTime: -1, logStart: -1, logEnd: -1, lsn: 0 };

let opened = 0;

export interface WatchedEngine extends Engine, Pick<NodeEngine, 'openSockets' | 'segments'> {
  /** Levels asked for, in order. */
  readonly levels: LevelNumber[];
  /** Codes of the next frames, which are then refused instead of done. */
  readonly refuseNext: CodeNumber[];
  /** Codes of the next reads, which then find nothing. */
  readonly failReads: CodeNumber[];
  /** Leases that were handed out and not released. */
  readonly leases: ReadonlySet<number>;
  /** Under which the simulated disk can be opened again after `cutPower`. */
  readonly disk: { seed: number; id: string };
  cutPower(): void;
}

/** Opens a fresh simulated disk, the same for every run of a test, or with `options.sim` one that was opened before. */
export function openWatchedEngine(options: EngineOptions = {}): WatchedEngine {
  opened++;
  const disk = options.sim ?? { seed: opened, id: `broker-${process.pid}-${opened}` };
  return watch(openEngine('/sim', { ...options, sim: disk }), disk);
}

function watch(engine: NodeEngine, disk: { seed: number; id: string }): WatchedEngine {
  const levels: LevelNumber[] = [];
  const refuseNext: CodeNumber[] = [];
  const failReads: CodeNumber[] = [];
  const submit = (effects: readonly Effect[], level: LevelNumber, done: Done, placed?: Placed): void => {
    levels.push(level);
    const refusal = refuseNext.shift();
    if (refusal === undefined) {
      engine.submit(effects, level, done, placed);
      return;
    }
    const results = effects.map(() => ({ ...NOTHING, code: refusal }));
    setImmediate(() => {
      placed?.(results);
      done(results, refusal === Code.poisoned ? refusal : Code.ok);
    });
  };
  const submitFrame: Engine['submitFrame'] = (frame) => {
    levels.push(frame.level);
    const refusal = refuseNext.shift();
    if (refusal === undefined) engine.submitFrame(frame);
    else setImmediate(() => frame.settle(refusal));
  };
  const leases = new Set<number>();
  const pin: Engine['pin'] = (requests, done) => {
    const failure = failReads.shift();
    engine.pin(requests, (pins) => {
      for (const one of pins) {
        if (failure !== undefined) {
          engine.releaseLease(one.lease);
          Object.assign(one, { code: failure, available: 0, lease: 0 });
        } else if (one.lease !== 0) leases.add(one.lease);
      }
      done(pins);
    });
  };
  const releaseLease: Engine['releaseLease'] = (lease) => {
    leases.delete(lease);
    engine.releaseLease(lease);
  };
  const watched: Record<PropertyKey, unknown> = {
    levels,
    refuseNext,
    failReads,
    leases,
    disk,
    submit,
    submitFrame,
    pin,
    releaseLease,
  };
  return new Proxy(engine, {
    get(target, name) {
      if (name in watched) return watched[name];
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  }) as unknown as WatchedEngine;
}
