/**
 * The critical path: what a trace would have had to do faster to end sooner.
 *
 * From the end of a span one goes back in time: to the child that ended last before, through it to its start, and on
 * from there. What no child covers is the span's own. A child that outlives its parent counts up to the parent's end.
 */

import type { TreeColumns } from "./columns.ts";
import { childrenOf, type Forest } from "./forest.ts";

/** The stretches of each row on the path: starts and ends in turn, the last stretch first. */
export type Path = ReadonlyMap<number, readonly number[]>;

interface Step {
  readonly row: number;
  /** Children, the one that ended last first. */
  readonly children: readonly number[];
  next: number;
  /** Up to where the path is still to be found. */
  until: number;
  /** Whether no child is on the path yet: only the last one may outlive its parent. */
  isWhole: boolean;
}

export function criticalPath(tree: TreeColumns, forest: Forest, first: number, end: number): Path {
  const stretches = new Map<number, number[]>();
  const start = (row: number): number => tree.startMs[row] ?? 0;
  const stop = (row: number): number => {
    const duration = tree.durationMs[row] ?? Number.NaN;
    return Number.isNaN(duration) ? (forest.endMs[row] ?? 0) : start(row) + duration;
  };
  const byEnd = (rows: number[]): number[] => rows.sort((a, b) => stop(b) - stop(a));
  const note = (row: number, from: number, to: number): void => {
    const own = stretches.get(row) ?? [];
    if (to > from) own.push(from, to);
    stretches.set(row, own);
  };

  const roots: number[] = [];
  for (let row = first; row < end; row = forest.ends[row] ?? end) roots.push(row);
  const steps: Step[] = [];
  const enter = (row: number, until: number): void => {
    steps.push({ row, children: byEnd(childrenOf(forest, row)), next: 0, until, isWhole: true });
  };
  let left = Number.POSITIVE_INFINITY;
  for (const root of byEnd(roots)) {
    if (stop(root) > left) continue;
    left = start(root);
    enter(root, stop(root));
    for (let step = steps.at(-1); step; step = steps.at(-1)) {
      const child = step.children[step.next];
      if (child === undefined || step.until <= start(step.row)) {
        note(step.row, start(step.row), step.until);
        steps.pop();
        continue;
      }
      step.next += 1;
      const ended = step.isWhole ? Math.min(stop(child), step.until) : stop(child);
      if (ended > step.until || start(child) >= step.until) continue;
      note(step.row, ended, step.until);
      step.until = Math.max(start(child), start(step.row));
      step.isWhole = false;
      enter(child, ended);
    }
  }
  return stretches;
}
