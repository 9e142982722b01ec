/**
 * Why a frame was refused.
 *
 * Not its wording. To remember: of the codes of a refused frame, the one that says `refusedWithFrame` is never the
 * reason.
 */

import type { CodeNumber } from '../io/native-types.ts';
import { Code } from '../io/native-types.ts';
import type { EffectResult } from '../log/types.ts';

/** The code of the effect that was refused itself; `ok` when none was. */
export function firstRefusal(results: readonly EffectResult[]): CodeNumber {
  let code: CodeNumber = Code.ok;
  for (const result of results) {
    if (result.code === Code.ok || result.code === Code.duplicate) continue;
    if (result.code !== Code.refusedWithFrame) return result.code;
    code = result.code;
  }
  return code;
}
