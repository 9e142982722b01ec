/**
 * How much of the machine was not ours while a scenario was measured: time that the hypervisor gave to others (steal), as the
 * kernel counts it.
 *
 * Not other programs of this machine, which the load average of the conditions tells. To remember: figures with a few per
 * cent of steal are to be taken with care, with more they are to be thrown away.
 */
import { readFileSync } from 'node:fs';

interface ProcessorTime {
  readonly stolen: number;
  readonly all: number;
}

/** Ticks of all processors since the start of the machine; the fields are those of proc_stat(5). */
export function processorTime(stat: string = readFileSync('/proc/stat', 'utf8')): ProcessorTime {
  const [, ...fields] = (/^cpu .*$/m.exec(stat)?.[0] ?? '').trim().split(/\s+/).map(Number);
  // Time of guests, the last two fields, is in the first two already.
  const ticks = fields.slice(0, 8);
  return { stolen: ticks[7] ?? 0, all: ticks.reduce((sum, tick) => sum + tick, 0) };
}

/** Share of the processors that was stolen between two looks, 0 to 1. */
export function stolenShare(before: ProcessorTime, after: ProcessorTime): number {
  const all = after.all - before.all;
  return all <= 0 ? 0 : (after.stolen - before.stolen) / all;
}

/** The sentence for a page; empty when nothing worth a word was taken. */
export function stolenSentence(share: number | undefined): string {
  if (share === undefined || share < 0.005) return '';
  return `The hypervisor took ${(share * 100).toFixed(1)} % of the processors meanwhile${share > 0.05 ? ': do not rely on these figures' : ''}.`;
}
