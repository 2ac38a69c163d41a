/** Which rows a reader asked to see: those of a kind, and those that a text is in. */

import { CALL, ERROR, type Found, type TreeColumns, type Words } from "./columns.ts";
import type { Forest } from "./forest.ts";
import { type RowIndex, spanIdAt, traceIdAt } from "./ids.ts";
import { criticalPath } from "./path.ts";

export type Filter = "errors" | "llm" | "slow" | "path";

export interface Range {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

/** Bits of where a text is: the first three as `Found` has them. */
export const IN_MESSAGES = 1;
export const IN_ATTRIBUTES = 2;
export const IN_EVENTS = 4;
export const IN_NAMES = 8;

/** Says of every row where a text is in what the tree itself shows: names, models, errors, ids. */
export function placesOf(tree: TreeColumns, text: string): Uint8Array {
  const places = new Uint8Array(tree.length);
  const asked = text.trim().toLowerCase();
  if (!asked) return places;
  const columns = [tree.name, tree.model, tree.provider, tree.title, tree.errorType, tree.finishReasons, tree.type];
  for (const column of columns) note(places, column, asked);
  if (/^[0-9a-f]{6,32}$/.test(asked)) {
    for (let row = 0; row < tree.length; row++) {
      if (spanIdAt(tree, row).startsWith(asked) || traceIdAt(tree, row).startsWith(asked)) places[row] = IN_NAMES;
    }
  }
  return places;
}

function note(places: Uint8Array, { codes, list }: Words, asked: string): void {
  const isIn = list.map((word) => word.toLowerCase().includes(asked));
  if (!isIn.includes(true)) return;
  for (let row = 0; row < places.length; row++) if (isIn[codes[row] ?? 0]) places[row] = IN_NAMES;
}

/** Adds to places what a kernel found. */
export function withFound(places: Uint8Array, found: Found, rows: RowIndex): Uint8Array {
  const both = places.slice();
  for (let index = 0; index < found.places.length; index++) {
    const row = rows.find(found.spanId, found.traceId, index);
    if (row >= 0) both[row] = (both[row] ?? 0) | (found.places[index] ?? 0);
  }
  return both;
}

/** Marks the rows of a range that pass a filter. */
export function passing(tree: TreeColumns, forest: Forest, { first, end }: Range, filter: Filter): Uint8Array {
  const passes = new Uint8Array(tree.length);
  const bit = { errors: ERROR, llm: CALL, slow: 0, path: 0 }[filter];
  if (bit) for (let row = first; row < end; row++) passes[row] = (tree.flags[row] ?? 0) & bit ? 1 : 0;
  else if (filter === "slow") markSlow(passes, tree, first, end);
  else for (const row of criticalPath(tree, forest, first, end).keys()) passes[row] = 1;
  return passes;
}

/** The longest tenth of the spans of each type, if they took at least twice the median of their type. */
function markSlow(passes: Uint8Array, { type, durationMs }: TreeColumns, first: number, end: number): void {
  const byType = new Map<number, number[]>();
  for (let row = first; row < end; row++) {
    if (Number.isNaN(durationMs[row])) continue;
    const code = type.codes[row] ?? 0;
    const durations = byType.get(code);
    if (durations) durations.push(durationMs[row] ?? 0);
    else byType.set(code, [durationMs[row] ?? 0]);
  }
  const limits = new Map<number, number>();
  for (const [code, durations] of byType) {
    const sorted = Float64Array.from(durations).sort();
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.POSITIVE_INFINITY;
    limits.set(code, Math.max(at(0.9), 2 * at(0.5), Number.MIN_VALUE));
  }
  for (let row = first; row < end; row++) {
    const limit = limits.get(type.codes[row] ?? 0) ?? Number.POSITIVE_INFINITY;
    if ((durationMs[row] ?? 0) >= limit) passes[row] = 1;
  }
}

/** Marks, besides the rows that are marked, all their ancestors. */
export function withAncestors(marked: Uint8Array, { parent }: TreeColumns, { first, end }: Range): Uint8Array {
  const kept = marked.slice();
  for (let row = first; row < end; row++) {
    if (!marked[row]) continue;
    for (let above = parent[row] ?? -1; above >= 0 && !kept[above]; above = parent[above] ?? -1) kept[above] = 1;
  }
  return kept;
}

/** Lists the rows of a range that no collapsed ancestor hides and that are kept. */
export function visibleRows(
  { ends }: Forest,
  { first, end }: Range,
  collapsed: Uint8Array | null,
  kept: Uint8Array | null,
): Int32Array {
  const rows = new Int32Array(Math.max(0, end - first));
  let count = 0;
  for (let row = first; row < end; ) {
    const isKept = !kept || kept[row];
    if (isKept) {
      rows[count] = row;
      count += 1;
    }
    row = isKept && !collapsed?.[row] ? row + 1 : (ends[row] ?? end);
  }
  return rows.subarray(0, count);
}
