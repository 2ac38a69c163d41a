/** How far each span is: over, or one of the four ways of not being over. */

import { INTERRUPTED, type TreeColumns, UNFINISHED } from "./columns.ts";
import type { Range } from "./filter.ts";

export const OVER = 0;
export const RUNNING = 1;
/** A stream under a cell that still runs, which may be reading it. */
export const STREAMING = 2;
/** A stream that is not read to its end, though its cell is over. */
export const UNREAD = 3;
/** Its kernel ended before it did. */
export const CUT = 4;

export const STATE_WORDS = ["", "running", "streaming", "unfinished", "interrupted"] as const;

/** Says of each row how far it is. */
export function statesOf({ length, parent, durationMs, flags }: TreeColumns): Uint8Array {
  const states = new Uint8Array(length);
  let isRootRunning = false;
  for (let row = 0; row < length; row++) {
    const isEndless = Number.isNaN(durationMs[row]);
    const flag = flags[row] ?? 0;
    if ((parent[row] ?? -1) < 0) isRootRunning = isEndless && !(flag & (UNFINISHED | INTERRUPTED));
    if (!isEndless) continue;
    if (flag & INTERRUPTED) states[row] = CUT;
    else if (flag & UNFINISHED) states[row] = isRootRunning ? STREAMING : UNREAD;
    else states[row] = RUNNING;
  }
  return states;
}

export function isGoing(state: number): boolean {
  return state === RUNNING || state === STREAMING;
}

/** The start of the earliest and the end of the latest of some rows, of which those that go on end now. */
export function stretchOf(
  tree: TreeColumns,
  states: Uint8Array,
  { first, end }: Range,
): { fromMs: number; toMs: number } {
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = Number.NEGATIVE_INFINITY;
  for (let row = first; row < end; row++) {
    const start = tree.startMs[row] ?? 0;
    fromMs = Math.min(fromMs, start);
    toMs = Math.max(toMs, isGoing(states[row] ?? OVER) ? tree.nowMs : start + (tree.durationMs[row] || 0));
  }
  return { fromMs, toMs };
}
