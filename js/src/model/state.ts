/** How far each span is: over, or one of the four ways of not being over. */

import { INTERRUPTED, type TreeColumns, UNFINISHED } from "./columns.ts";
import type { Range } from "./filter.ts";

export const OVER = 0;
export const RUNNING = 1;
/** A stream that is read on, or under a cell that still runs, which may be reading it. */
export const STREAMING = 2;
/** A stream that is not read to its end, though its cell is over. */
export const UNREAD = 3;
/** Its kernel ended before it did. */
export const CUT = 4;

export const STATE_WORDS = ["", "running", "streaming", "unfinished", "interrupted"] as const;

/** Words a state; of what still went on when its page was exported there is no more to say than that. */
export function stateWords(word: string, isStill: boolean): string {
  return isStill && (word === "running" || word === "streaming") ? `was ${word} when exported` : word;
}

/** How long after a chunk its stream counts as being read, though its cell is over: models pause. */
export const READ_ON_MS = 10_000;

/** Says of each row how far it is at some moment. */
export function statesOf(tree: TreeColumns, nowMs = tree.nowMs): Uint8Array {
  const { length, parent, startMs, durationMs, flags } = tree;
  const states = new Uint8Array(length);
  let isRootRunning = false;
  let rootEndMs = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < length; row++) {
    const isEndless = Number.isNaN(durationMs[row]);
    const flag = flags[row] ?? 0;
    if ((parent[row] ?? -1) < 0) {
      isRootRunning = isEndless && !(flag & (UNFINISHED | INTERRUPTED));
      rootEndMs = isEndless ? Number.NEGATIVE_INFINITY : (startMs[row] ?? 0) + (durationMs[row] ?? 0);
    }
    if (!isEndless) continue;
    if (flag & INTERRUPTED) states[row] = CUT;
    else if (!(flag & UNFINISHED)) states[row] = RUNNING;
    else {
      const chunkMs = lastChunkMs(tree, row);
      const isReadOn = chunkMs > rootEndMs && nowMs - chunkMs < READ_ON_MS;
      states[row] = isRootRunning || isReadOn ? STREAMING : UNREAD;
    }
  }
  return states;
}

/** When a stream's last chunk came, which its tokens and their rate up to then say; NaN if they are unknown. */
function lastChunkMs(tree: TreeColumns, row: number): number {
  return (tree.startMs[row] ?? 0) + (1000 * (tree.outputTokens[row] ?? Number.NaN)) / (tree.outputRate[row] ?? 0);
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
