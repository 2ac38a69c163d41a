/** The ways in which keys move the cursor over the rows that are shown. */

import type { Explorer } from "./explorer.ts";
import { lastAtOrBefore } from "./forest.ts";

export class Walk {
  readonly #explorer: Explorer;

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
  }

  /** Goes to the row at a place among those that are shown, or to the nearest. */
  to(index: number): void {
    const rows = this.#explorer.rows.value;
    const row = rows[Math.max(0, Math.min(index, rows.length - 1))];
    if (row !== undefined) this.#explorer.moveToRow(row);
  }

  by(rows: number): void {
    const index = this.#explorer.cursorIndex.value;
    this.to(index < 0 ? 0 : index + rows);
  }

  /** Goes to the next or the previous row, also a collapsed one, that something is true of; stays if there is none. */
  seek(isWanted: (row: number) => boolean, step: 1 | -1): void {
    const { first, end } = this.#explorer.range.value;
    const cursor = this.#explorer.cursor.value;
    const from = cursor < first || cursor >= end ? (step > 0 ? first - 1 : end) : cursor;
    for (let row = from + step; row >= first && row < end; row += step) {
      if (!isWanted(row)) continue;
      this.#explorer.revealRow(row);
      return;
    }
  }

  /** Collapses the row under the cursor; one that has nothing to collapse hands the cursor to its parent. */
  out(): void {
    const { rows, cursorIndex, tree, forest, folds, hasList } = this.#explorer;
    const row = rows.value[cursorIndex.value];
    if (row === undefined) return;
    const parent = tree.value?.parent[row] ?? -1;
    if (forest.value?.childCount[row] && !folds.isCollapsed(row)) folds.toggle(row);
    else if (parent >= 0) this.to(lastAtOrBefore(rows.value, parent));
    else if (hasList) this.#explorer.leaveTrace();
  }

  /** Expands the row under the cursor, or goes to its first child. */
  in(): void {
    const { rows, cursorIndex, forest, folds } = this.#explorer;
    const row = rows.value[cursorIndex.value];
    if (row === undefined || !forest.value?.childCount[row]) return;
    if (folds.isCollapsed(row)) folds.toggle(row);
    else this.by(1);
  }
}
