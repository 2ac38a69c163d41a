/**
 * What a trace view shows and what the reader has done to it: tree, cursor, collapsed rows, open span.
 *
 * Spans are remembered by id, so a newer tree keeps cursor, selection and collapsed rows where they were. No DOM and
 * no kernel here: views read the signals and call the methods, a widget feeds `tree` and `detail`.
 */

import { computed, signal } from "@preact/signals";
import type { SpanDetail, TreeColumns } from "./columns.ts";
import { lastAtOrBefore, type Shape, shapeOf, visibleRows } from "./tree.ts";

export type Detail =
  | { state: "loading" }
  | { state: "ready"; span: SpanDetail }
  | { state: "failed"; spanId: string; message: string };

/** Whether the kernel answers, lets us wait, or is no more. */
export type Kernel = "answering" | "busy" | "gone";

export type Tab = "messages" | "attributes";

export class Explorer {
  readonly tree = signal<TreeColumns | null>(null);
  readonly detail = signal<Detail>({ state: "loading" });
  readonly kernel = signal<Kernel>("answering");
  readonly failure = signal<string | null>(null);
  /** Span id of the row that the keys act on. */
  readonly cursor = signal<string | null>(null);
  /** Whether the span under the cursor is open beside the tree. */
  readonly isOpen = signal(false);
  readonly collapsed = signal<ReadonlySet<string>>(new Set());
  readonly tab = signal<Tab>("messages");
  readonly isRendered = signal(false);

  readonly shape = computed<Shape>(() => shapeOf(this.tree.value?.depth ?? new Int32Array()));

  readonly #rowOfSpan = computed(() => {
    const tree = this.tree.value;
    const rows = new Map<string, number>();
    for (let row = 0; row < (tree?.length ?? 0); row++) rows.set((tree as TreeColumns).spanId.at(row), row);
    return rows;
  });

  /** The rows of the tree that are shown, in order. */
  readonly rows = computed<Int32Array>(() => {
    const tree = this.tree.value;
    if (!tree) return new Int32Array();
    const collapsed = this.collapsed.value;
    return visibleRows(this.shape.value, (row) => collapsed.size > 0 && collapsed.has(tree.spanId.at(row)));
  });

  /** The cursor's place among the shown rows; on a hidden ancestor's row if it is hidden; -1 before there is one. */
  readonly cursorIndex = computed<number>(() => {
    const row = this.rowOf(this.cursor.value);
    return row === undefined ? -1 : lastAtOrBefore(this.rows.value, row);
  });

  readonly selected = computed<string | null>(() => (this.isOpen.value ? this.cursor.value : null));

  rowOf(spanId: string | null): number | undefined {
    return spanId === null ? undefined : this.#rowOfSpan.value.get(spanId);
  }

  isCollapsed(row: number): boolean {
    const spanId = this.tree.value?.spanId.at(row);
    return spanId !== undefined && this.collapsed.value.has(spanId);
  }

  show(tree: TreeColumns): void {
    this.tree.value = tree;
    this.failure.value = null;
  }

  /** Opens a span, or closes the panel; also what another owner of the selection calls. */
  select(spanId: string | null): void {
    if (spanId !== null) this.cursor.value = spanId;
    this.isOpen.value = spanId !== null;
  }

  toggle(row: number): void {
    const spanId = this.tree.value?.spanId.at(row);
    if (spanId === undefined || !this.tree.value?.childCount[row]) return;
    const collapsed = new Set(this.collapsed.value);
    if (!collapsed.delete(spanId)) collapsed.add(spanId);
    this.collapsed.value = collapsed;
  }

  moveTo(index: number): void {
    const rows = this.rows.value;
    const row = rows[Math.max(0, Math.min(index, rows.length - 1))];
    if (row !== undefined) this.cursor.value = this.tree.value?.spanId.at(row) ?? null;
  }

  moveBy(rows: number): void {
    this.moveTo(this.cursorIndex.value < 0 ? 0 : this.cursorIndex.value + rows);
  }

  /** Collapses the row under the cursor; one that has nothing to collapse hands the cursor to its parent. */
  moveOut(): void {
    const row = this.rows.value[this.cursorIndex.value];
    if (row === undefined) return;
    if (this.tree.value?.childCount[row] && !this.isCollapsed(row)) this.toggle(row);
    else {
      const parent = this.shape.value.parents[row] ?? -1;
      if (parent >= 0) this.moveTo(lastAtOrBefore(this.rows.value, parent));
    }
  }

  /** Expands the row under the cursor, or goes to its first child. */
  moveIn(): void {
    const row = this.rows.value[this.cursorIndex.value];
    if (row === undefined || !this.tree.value?.childCount[row]) return;
    if (this.isCollapsed(row)) this.toggle(row);
    else this.moveBy(1);
  }
}
