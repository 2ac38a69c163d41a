/**
 * What a trace view shows and what the reader has done to it: place, cursor, open span; and what stands for itself, the
 * time in view, what is looked for, the folds, judgements and the ways of the keys.
 *
 * Rows are numbers of the tree at hand; a newer tree finds the reader's rows again by their ids, so that cursor,
 * selection and collapsed rows stay where they were. No DOM and no kernel here: views read the signals and call the
 * methods, a widget feeds `show`, `detail` and `found`.
 */

import { batch, computed, signal } from "@preact/signals";
import { type SpanDetail, type TreeColumns, UNFINISHED } from "./columns.ts";
import { type Range, visibleRows } from "./filter.ts";
import { Finding } from "./finding.ts";
import { Folds } from "./folds.ts";
import { type Forest, forestOf, lastAtOrBefore, traceOf } from "./forest.ts";
import { RowIndex, rowOfSpan, spanIdAt, traceIdAt } from "./ids.ts";
import { Judging } from "./judging.ts";
import { criticalPath, type Path } from "./path.ts";
import { Previews } from "./previews.ts";
import { statesOf } from "./state.ts";
import { Sums } from "./sums.ts";
import { Timeline } from "./timeline.ts";
import { Walk } from "./walk.ts";

export interface SpanKey {
  readonly traceId: string;
  readonly spanId: string;
}

export type Detail =
  | { state: "loading" }
  | { state: "ready"; span: SpanDetail }
  | { state: "failed"; key: SpanKey; message: string };

/** Whether the kernel answers, lets us wait, or is no more. */
export type Kernel = "answering" | "busy" | "gone";

const NOWHERE: Range = { first: 0, end: 0 };

export class Explorer {
  readonly tree = signal<TreeColumns | null>(null);
  readonly detail = signal<Detail>({ state: "loading" });
  readonly kernel = signal<Kernel>("answering");
  readonly failure = signal<string | null>(null);
  /** Whether the traces are listed, to open one of them, instead of all being one tree. */
  readonly hasList: boolean;
  /** First row of the trace that is open, where there is a list. */
  readonly openTrace = signal(-1);
  /** The row that the keys act on. */
  readonly cursor = signal(-1);
  /** Grows when the reader moves the cursor; a newer tree only finds it again. */
  readonly cursorMoves = signal(0);
  /** Whether the span under the cursor is open beside the tree. */
  readonly isOpen = signal(false);
  /** The view of the open span that the reader wants, where a span has it. */
  readonly tab = signal("");
  readonly isRendered = signal(false);
  readonly isHelpOpen = signal(false);
  /** Whether its spans are those of a moment gone by, in an exported page. */
  readonly isStill: boolean;

  constructor({ hasList = false, isStill = false }: { hasList?: boolean; isStill?: boolean } = {}) {
    this.hasList = hasList;
    this.isStill = isStill;
  }

  readonly forest = computed<Forest | null>(() => (this.tree.value ? forestOf(this.tree.value) : null));
  /** To the second, where there are streams, which nobody may be reading by now. */
  readonly #momentMs = computed<number>(() => {
    const tree = this.tree.value;
    if (!tree?.flags.some((flag) => flag & UNFINISHED)) return 0;
    return Math.max(tree.nowMs, 1000 * Math.floor(this.time.nowMs.value / 1000));
  });

  /** How far each row is, in the words of `state.ts`. */
  readonly states = computed<Uint8Array>(() =>
    this.tree.value ? statesOf(this.tree.value, this.#momentMs.value) : new Uint8Array(),
  );
  readonly sums = computed<Sums | null>(() => (this.tree.value ? new Sums(this.tree.value, this.states.value) : null));
  readonly index = computed<RowIndex | null>(() => (this.tree.value ? new RowIndex(this.tree.value) : null));
  readonly isListing = computed(() => this.hasList && this.openTrace.value < 0);

  /** The rows of the tree at hand: all, or those of the open trace. */
  readonly range = computed<Range>(() => {
    const [tree, forest] = [this.tree.value, this.forest.value];
    if (!tree || !forest || this.isListing.value) return NOWHERE;
    if (!this.hasList) return { first: 0, end: tree.length };
    const trace = traceOf(forest, this.openTrace.value);
    return { first: forest.traces[trace] ?? 0, end: forest.traces[trace + 1] ?? 0 };
  });

  readonly time = new Timeline(this);
  readonly finding = new Finding(this);
  readonly folds = new Folds(this);
  readonly judging = new Judging();
  readonly previews = new Previews(this);
  readonly walk = new Walk(this);

  /** The rows of the tree that are shown, in order. */
  readonly rows = computed<Int32Array>(() => {
    const forest = this.forest.value;
    return forest
      ? visibleRows(forest, this.range.value, this.folds.collapsed, this.finding.kept.value)
      : new Int32Array();
  });

  /** What the path of the trace at hand is, where the reader asked for it. */
  readonly path = computed<Path | null>(() => {
    const [tree, forest] = [this.tree.value, this.forest.value];
    if (!tree || !forest || !this.finding.filters.value.has("path")) return null;
    return criticalPath(tree, forest, this.range.value.first, this.range.value.end);
  });

  /** The cursor's place among the shown rows; on a hidden ancestor's row if it is hidden; -1 before there is one. */
  readonly cursorIndex = computed<number>(() => {
    const [row, rows] = [this.cursor.value, this.rows.value];
    return row < 0 || rows.length === 0 ? -1 : lastAtOrBefore(rows, row);
  });

  readonly selected = computed<SpanKey | null>(() => {
    const [tree, row] = [this.tree.value, this.cursor.value];
    if (!this.isOpen.value) return null;
    if (!tree) return this.#awaited.value;
    return row < 0 ? this.#awaited.value : { traceId: traceIdAt(tree, row), spanId: spanIdAt(tree, row) };
  });

  /** A span that was asked for and is not in the tree, or not yet. */
  readonly #awaited = signal<SpanKey | null>(null);
  /** The same for a trace. */
  #awaitedTrace: string | null = null;

  /** The id of the trace that is open, where there is a list. */
  readonly selectedTrace = computed<string | null>(() => {
    const [tree, row] = [this.tree.value, this.openTrace.value];
    return tree && row >= 0 ? traceIdAt(tree, row) : null;
  });

  show(tree: TreeColumns): void {
    batch(() => {
      const before = this.tree.value;
      this.tree.value = tree;
      this.time.nowMs.value = tree.nowMs;
      this.failure.value = null;
      this.#follow(before ?? tree, tree);
      if (this.#awaitedTrace !== null) this.selectTrace(this.#awaitedTrace);
      const awaited = this.#awaited.value;
      if (awaited) this.select(awaited.spanId);
    });
  }

  /** Finds the reader's rows in a newer tree. */
  #follow(before: TreeColumns, tree: TreeColumns): void {
    const found = (row: number): number => this.rowOf(before, row);
    this.openTrace.value = found(this.openTrace.value);
    this.cursor.value = found(this.cursor.value);
    this.folds.follow(tree, found);
  }

  /** Opens a span by its id, or closes the panel: what another owner of the selection calls. */
  select(spanId: string | null): void {
    batch(() => {
      const tree = this.tree.value;
      const row = spanId !== null && tree ? rowOfSpan(tree, spanId) : -1;
      this.#awaited.value = spanId !== null && row < 0 ? { traceId: "", spanId } : null;
      if (row >= 0) this.openRow(row);
      else if (spanId !== null) this.cursor.value = -1;
      this.isOpen.value = spanId !== null;
    });
  }

  /** Opens the span of a row, wherever it is. */
  openRow(row: number): void {
    batch(() => {
      const forest = this.forest.value;
      if (this.hasList && forest) this.enterTrace(forest.traces[traceOf(forest, row)] ?? 0);
      this.#awaited.value = null;
      this.revealRow(row);
      this.isOpen.value = true;
    });
  }

  /** Gives the span of a row a label by its number, by hand. */
  labelRow(row: number, number: number): void {
    const key = this.#judged(row);
    if (key) this.judging.label(key, number);
  }

  noteRow(row: number, text: string): void {
    const key = this.#judged(row);
    if (key) this.judging.judge?.note(key, text);
  }

  /** Opens the span of a row with the field for a note. */
  beginNote(row: number): void {
    if (!this.judging.judge || !this.#judged(row)) return;
    batch(() => {
      this.openRow(row);
      this.judging.isNoting.value = true;
    });
  }

  /** The span of a row of a tree; in the list rows are traces, of which nothing is said. */
  #judged(row: number): SpanKey | null {
    const tree = this.tree.value;
    if (!tree || row < 0 || this.isListing.value) return null;
    return { traceId: traceIdAt(tree, row), spanId: spanIdAt(tree, row) };
  }

  close(): void {
    this.#awaited.value = null;
    this.isOpen.value = false;
    this.judging.isNoting.value = false;
  }

  /** Opens a trace of the list, by its first row. */
  enterTrace(row: number): void {
    if (this.openTrace.value === row) return;
    this.#wantsFocus = true;
    batch(() => {
      this.openTrace.value = row;
      this.time.zoom.value = null;
      this.moveToRow(row);
      this.isOpen.value = false;
    });
  }

  /** Whether the reader has just gone from list to tree or back, and the keys should go along. */
  takeFocus(): boolean {
    const wants = this.#wantsFocus;
    this.#wantsFocus = false;
    return wants;
  }

  #wantsFocus = false;

  /** Opens a trace by its id, or goes back to the list: what another owner of the selection calls. */
  selectTrace(traceId: string | null): void {
    const [tree, forest] = [this.tree.value, this.forest.value];
    this.#awaitedTrace = null;
    // What the reader did comes back from the other owner.
    if (tree && traceId === this.selectedTrace.value) return;
    if (traceId === null) this.leaveTrace();
    else if (traceId !== this.selectedTrace.value) {
      const first = tree
        ? forest?.traces.findLast((row) => row < tree.length && traceIdAt(tree, row) === traceId)
        : undefined;
      if (first === undefined) this.#awaitedTrace = traceId;
      else this.enterTrace(first);
    }
    this.#wantsFocus = false;
  }

  leaveTrace(): void {
    this.#wantsFocus = this.openTrace.value >= 0;
    batch(() => {
      this.openTrace.value = -1;
      this.time.zoom.value = null;
      this.isOpen.value = false;
    });
  }

  /** Moves the cursor to a row, and shows what hides it. */
  revealRow(row: number): void {
    batch(() => {
      if (!this.finding.isMatch(row)) this.finding.isOnlyMatches.value = false;
      this.folds.reveal(row);
      this.moveToRow(row);
    });
  }

  moveToRow(row: number): void {
    batch(() => {
      if (row !== this.cursor.value) this.judging.isNoting.value = false;
      this.cursor.value = row;
      this.cursorMoves.value += 1;
    });
  }

  /** Returns where a row of another tree is in this one, or -1. */
  rowOf(tree: TreeColumns, row: number): number {
    if (tree === this.tree.value || row < 0) return row;
    return this.index.value?.find(tree.spanId, tree.traceId, row) ?? -1;
  }

  /** Looks for a text in all traces: what a click on a chart asks. */
  lookForAll(text: string): void {
    batch(() => {
      this.leaveTrace();
      this.finding.showAll();
      this.finding.lookFor(text);
    });
    this.#wantsFocus = false;
  }
}
