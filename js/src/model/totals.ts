/** The figures of the header line: sums over the roots, which the kernel has already added up below each. */

import type { Cells, TreeColumns } from "./columns.ts";

export interface Totals {
  readonly spans: number;
  readonly calls: number;
  readonly durationMs: number;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly costUsd: number | null;
  readonly unpriced: number;
  readonly estimated: number;
  readonly errors: number;
  readonly running: number;
}

export function totalsOf(tree: TreeColumns): Totals {
  const roots: number[] = [];
  let running = 0;
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  for (let row = 0; row < tree.length; row++) {
    if (tree.durationMs.at(row) === null) running += 1;
    if (tree.depth[row] !== 0) continue;
    roots.push(row);
    start = Math.min(start, tree.startMs[row] ?? 0);
    end = Math.max(end, tree.endMs[row] ?? 0);
  }
  const sum = (cells: Cells<number | null>): number | null =>
    roots.reduce<number | null>((total, row) => {
      const value = cells.at(row);
      return value === null ? total : (total ?? 0) + value;
    }, null);
  return {
    spans: tree.length,
    calls: sum(tree.sumCalls) ?? 0,
    durationMs: roots.length ? end - start : 0,
    inputTokens: sum(tree.sumInputTokens),
    outputTokens: sum(tree.sumOutputTokens),
    costUsd: sum(tree.sumCostUsd),
    unpriced: sum(tree.sumUnpriced) ?? 0,
    estimated: sum(tree.sumEstimated) ?? 0,
    errors: sum(tree.sumErrors) ?? 0,
    running,
  };
}
