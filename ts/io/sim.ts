/**
 * A simulated machine as TypeScript holds it: its faults, clocks and files, whether an engine has it open or not.
 *
 * Not the engine on it. To remember: the addon keeps a machine under its id until it is forgotten, so that it can be
 * opened again after a power cut; engines register here because a cut has to tell those who wait on them.
 */

import { loadNative } from './native.ts';

/** What of a machine is to change; what is left out stays. */
export interface SimChange {
  /** Every flush and every durable write fails with EIO. */
  failFlushes?: boolean;
  failReads?: boolean;
  failWrites?: boolean;
  /** Bytes of all files together; below zero: no limit. */
  spaceBytes?: number;
  /** Operations from now on until one fails, 1 for the very next; 0: none will. */
  failAfter?: number;
  errno?: number;
  /** Whether all behind it fail too. */
  sticky?: boolean;
}

/** The addon's class. Numbers that make no sense throw; paths that name nothing answer null or false. */
export interface NativeSim {
  change(change: SimChange): void;
  /** Holds every operation back, or lets all go on. Opening the machine ends it. */
  hold(held: boolean): void;
  /** Cuts the power of a machine that no engine has open. */
  cut(): void;
  /** Operations completed so far. */
  attempts(): number;
  usedBytes(): number;
  /** The machine's wall clock, ms since 1970. */
  wallMs(): number;
  /** Both clocks go on. */
  advanceMs(ms: number): void;
  /** The wall clock jumps. */
  shiftWallMs(ms: number): void;
  /** Sorted. */
  files(): string[];
  readFile(path: string): Buffer | null;
  flipBit(path: string, position: number, bit: number): boolean;
  /** A copy of files and caches under another id. */
  fork(id: string, seed: number): boolean;
  forget(): void;
}

interface SimBinding {
  readonly NativeSim: new (id: string, seed: number) => NativeSim;
}

/** The machine of this id; a new one draws from `seed` what kind of honest device it is. */
export function nativeSim(id: string, seed: number): NativeSim {
  const binding = loadNative() as unknown as SimBinding;
  return new binding.NativeSim(id, seed);
}

/** An engine on a simulated machine. */
export interface SimulatedEngine {
  /** Cuts the power under it; whoever waits learns that the outcome is unknown. */
  cutPower(): void;
}

const engines = new Map<string, SimulatedEngine>();

/** The engine that has the machine open now, or had it last. */
export function engineOn(id: string): SimulatedEngine | undefined {
  return engines.get(id);
}

/** `engine` has opened the machine. */
export function openedOn(id: string, engine: SimulatedEngine): void {
  engines.set(id, engine);
}

/** Nobody will ask for the machine any more. */
export function forgetEngineOn(id: string): void {
  engines.delete(id);
}
