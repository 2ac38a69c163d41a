/** Which rows are collapsed; while a filter is on others are, since it shows what was collapsed. */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { TreeColumns } from "./columns.ts";
import type { Range } from "./filter.ts";
import type { Forest } from "./forest.ts";

/** What folds need to know of the rows. */
export interface Foldable {
  readonly tree: ReadonlySignal<TreeColumns | null>;
  readonly forest: ReadonlySignal<Forest | null>;
  /** The rows at hand. */
  readonly range: ReadonlySignal<Range>;
  readonly finding: { readonly isHiding: boolean };
}

export class Folds {
  readonly #rows: Foldable;
  /** A one for each collapsed row. */
  readonly #all = signal(new Uint8Array());
  /** The same while a filter is on. */
  readonly #matches = signal(new Uint8Array());

  constructor(rows: Foldable) {
    this.#rows = rows;
  }

  get #shown(): Signal<Uint8Array<ArrayBuffer>> {
    return this.#rows.finding.isHiding ? this.#matches : this.#all;
  }

  /** A one for each row that is collapsed as the rows are shown. */
  get collapsed(): Uint8Array {
    return this.#shown.value;
  }

  isCollapsed(row: number): boolean {
    return this.#shown.value[row] === 1;
  }

  toggle(row: number): void {
    if (!this.#rows.forest.value?.childCount[row]) return;
    const collapsed = this.#shown.value.slice();
    collapsed[row] = collapsed[row] ? 0 : 1;
    this.#shown.value = collapsed;
  }

  /** Collapses or expands every row at hand. */
  toggleAll(isCollapsed: boolean): void {
    const { first, end } = this.#rows.range.value;
    this.#shown.value = this.#shown.value.slice().fill(isCollapsed ? 1 : 0, first, end);
  }

  /** Expands all that a row is below. */
  reveal(row: number): void {
    const tree = this.#rows.tree.value;
    if (!tree) return;
    const folds = this.#shown;
    const collapsed = folds.value.slice();
    for (let above = tree.parent[row] ?? -1; above >= 0; above = tree.parent[above] ?? -1) collapsed[above] = 0;
    folds.value = collapsed;
  }

  /** Takes the folds along to a newer tree, in which `found` finds a row; nothing is filtered in it yet. */
  follow(tree: TreeColumns, found: (row: number) => number): void {
    const collapsed = new Uint8Array(tree.length);
    const old = this.#all.value;
    for (let row = 0; row < old.length; row++) {
      const now = old[row] ? found(row) : -1;
      if (now >= 0) collapsed[now] = 1;
    }
    this.#all.value = collapsed;
    this.#matches.value = new Uint8Array(tree.length);
  }
}
