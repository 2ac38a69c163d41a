/** The shape of a tree that is given as the parent of each row in depth-first order. All passes are linear. */

import type { TreeColumns } from "./columns.ts";
import { isSame, TRACE_ID_BYTES } from "./ids.ts";

export interface Forest {
  readonly depth: Int32Array;
  /** For each row, the row after the last of its branch. */
  readonly ends: Int32Array;
  /** For each row, its place among its siblings, from 1; roots are siblings within their trace. */
  readonly places: Int32Array;
  readonly childCount: Int32Array;
  /** For each row, when the last span of its branch ended, milliseconds after the earliest start. */
  readonly endMs: Float64Array;
  /** The first row of each trace, and as the last entry the number of rows. */
  readonly traces: Int32Array;
  /** For each trace, its number of roots. */
  readonly rootCounts: Int32Array;
}

export function forestOf(tree: TreeColumns): Forest {
  const { length, parent } = tree;
  const depth = new Int32Array(length);
  const places = new Int32Array(length);
  const childCount = new Int32Array(length);
  const traces: number[] = [];
  const rootCounts: number[] = [];
  for (let row = 0; row < length; row++) {
    const above = parent[row] ?? -1;
    if (above >= 0) {
      depth[row] = (depth[above] ?? 0) + 1;
      childCount[above] = (childCount[above] ?? 0) + 1;
      places[row] = childCount[above] ?? 1;
    } else {
      const first = traces.at(-1);
      if (first === undefined || !isSame(tree.traceId, first, tree.traceId, row, TRACE_ID_BYTES)) {
        traces.push(row);
        rootCounts.push(0);
      }
      const count = (rootCounts.at(-1) ?? 0) + 1;
      rootCounts[rootCounts.length - 1] = count;
      places[row] = count;
    }
  }
  const ends = new Int32Array(length);
  const endMs = new Float64Array(length);
  for (let row = length - 1; row >= 0; row--) {
    const own = (tree.startMs[row] ?? 0) + (tree.durationMs[row] || 0);
    ends[row] = Math.max(ends[row] ?? 0, row + 1);
    endMs[row] = Math.max(endMs[row] ?? 0, own);
    const above = parent[row] ?? -1;
    if (above >= 0) {
      ends[above] = Math.max(ends[above] ?? 0, ends[row] ?? 0);
      endMs[above] = Math.max(endMs[above] ?? 0, endMs[row] ?? 0);
    }
  }
  return {
    depth,
    ends,
    places,
    childCount,
    endMs,
    traces: Int32Array.from([...traces, length]),
    rootCounts: Int32Array.from(rootCounts),
  };
}

/** Returns the number of the trace that a row is in. */
export function traceOf(forest: Forest, row: number): number {
  return lastAtOrBefore(forest.traces.subarray(0, -1), row);
}

/** Lists the children of a row. */
export function childrenOf(forest: Forest, row: number): number[] {
  const children: number[] = [];
  const end = forest.ends[row] ?? 0;
  for (let child = row + 1; child < end; child = forest.ends[child] ?? end) children.push(child);
  return children;
}

/** Finds a row in a sorted list: its index, or that of the last row before it. */
export function lastAtOrBefore(rows: Int32Array, row: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((rows[middle] ?? 0) <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}
