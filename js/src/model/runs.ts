/** The traces of a session as a list: the latest run of each cell, with its earlier runs folded below it. */

import type { TreeColumns } from "./columns.ts";
import type { Forest } from "./forest.ts";
import type { Sum, Sums } from "./sums.ts";

export type SortKey = "started" | "name" | "time" | "calls" | "tokens" | "cost" | "errors";

export interface Sort {
  readonly key: SortKey;
  readonly isDescending: boolean;
}

/** A trace, by its number, and for the latest run of a cell the traces of its earlier runs, latest first. */
export interface Entry {
  readonly trace: number;
  readonly earlier: readonly number[];
}

/** Folds the runs of a cell into one entry; entries are in order of the start of their latest run. */
export function entriesOf(tree: TreeColumns, { traces }: Forest): Entry[] {
  const byCell = new Map<number, number[]>();
  const entries: { trace: number; earlier: number[] }[] = [];
  for (let trace = 0; trace < traces.length - 1; trace++) {
    const row = traces[trace] ?? 0;
    const cell = tree.cellId.codes[row] ?? 0;
    const isCell = tree.type.at(row) === "cell" && tree.cellId.list[cell] !== "";
    if (!isCell) entries.push({ trace, earlier: [] });
    else if (byCell.has(cell)) byCell.get(cell)?.push(trace);
    else byCell.set(cell, [trace]);
  }
  const run = (trace: number): number => tree.cellRun[traces[trace] ?? 0] ?? 0;
  for (const runs of byCell.values()) {
    const [latest, ...earlier] = runs.sort((a, b) => run(b) - run(a) || b - a);
    if (latest !== undefined) entries.push({ trace: latest, earlier });
  }
  return entries.sort((a, b) => a.trace - b.trace);
}

/** What the list says of a trace. */
export interface Run {
  readonly row: number;
  readonly name: string;
  readonly title: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly roots: number;
  readonly sum: Sum;
}

export function runOf(tree: TreeColumns, forest: Forest, sums: Sums, trace: number): Run {
  const row = forest.traces[trace] ?? 0;
  const end = forest.traces[trace + 1] ?? tree.length;
  let startMs = Number.POSITIVE_INFINITY;
  let endMs = 0;
  for (let root = row; root < end; root = forest.ends[root] ?? end) {
    startMs = Math.min(startMs, tree.startMs[root] ?? 0);
    endMs = Math.max(endMs, forest.endMs[root] ?? 0);
  }
  return {
    row,
    name: tree.name.at(row),
    title: tree.title.at(row),
    startMs,
    durationMs: Math.max(0, endMs - startMs),
    roots: forest.rootCounts[trace] ?? 1,
    sum: sums.of(row, end),
  };
}

/** Counts the traces in which a model was called. */
export function withCalls({ traces }: Forest, sums: Sums): number {
  let count = 0;
  for (let trace = 0; trace < traces.length - 1; trace++) {
    if (sums.of(traces[trace] ?? 0, traces[trace + 1] ?? 0).calls) count += 1;
  }
  return count;
}

/** Sorts entries by what their latest run says; equal ones stay in order of start. */
export function sorted(entries: readonly Entry[], runOfTrace: (trace: number) => Run, sort: Sort): Entry[] {
  const value = ({ trace }: Entry): number | string => {
    const run = runOfTrace(trace);
    switch (sort.key) {
      case "started":
        return run.startMs;
      case "name":
        return run.name;
      case "time":
        return run.durationMs;
      case "calls":
        return run.sum.calls;
      case "tokens":
        return (run.sum.inputTokens ?? -1) + (run.sum.outputTokens ?? 0);
      case "cost":
        return run.sum.costUsd ?? -1;
      case "errors":
        return run.sum.errors;
    }
  };
  const keyed = entries.map((entry) => ({ entry, key: value(entry) }));
  const sign = sort.isDescending ? -1 : 1;
  keyed.sort((a, b) => sign * (a.key < b.key ? -1 : a.key > b.key ? 1 : a.entry.trace - b.entry.trace));
  return keyed.map(({ entry }) => entry);
}
