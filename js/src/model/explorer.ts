/**
 * What a trace view shows and what the reader has done to it: place, cursor, collapsed rows, filters, zoom, open span.
 *
 * Rows are numbers of the tree at hand; a newer tree finds the reader's rows again by their ids, so that cursor,
 * selection and collapsed rows stay where they were. No DOM and no kernel here: views read the signals and call the
 * methods, a widget feeds `show`, `detail` and `found`.
 */

import { batch, computed, signal } from "@preact/signals";
import { type Found, type SpanDetail, type TreeColumns, UNFINISHED } from "./columns.ts";
import { type Filter, passing, placesOf, type Range, visibleRows, withAncestors, withFound } from "./filter.ts";
import { type Forest, forestOf, lastAtOrBefore, traceOf } from "./forest.ts";
import { RowIndex, rowOfSpan, spanIdAt, traceIdAt } from "./ids.ts";
import { type Judge, type Judgement, type Labels, UNJUDGED } from "./labels.ts";
import { criticalPath, type Path } from "./path.ts";
import { statesOf } from "./state.ts";
import { Sums } from "./sums.ts";
import { Timeline } from "./timeline.ts";

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

/** What the kernel has said about the text that is looked for. */
export type Search = { state: "idle" } | { state: "asked" } | { state: "failed"; message: string };

export interface Matches {
  readonly marked: Uint8Array;
  readonly count: number;
}

/** A trace of so many rows or fewer is seen whole. */
const FEW_ROWS = 12;

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
  /** A one for each collapsed row. */
  readonly collapsed = signal(new Uint8Array());
  /** The same while a filter is on, which shows what was collapsed. */
  readonly #collapsedMatches = signal(new Uint8Array());
  readonly text = signal("");
  readonly filters = signal<ReadonlySet<Filter>>(new Set());
  readonly isOnlyMatches = signal(true);
  /** Whether the list leaves out the traces that have no LLM call. */
  readonly isOnlyWithCalls = signal(false);
  readonly found = signal<Found | null>(null);
  readonly search = signal<Search>({ state: "idle" });
  /** The view of the open span that the reader wants, where a span has it. */
  readonly tab = signal("");
  readonly isRendered = signal(false);
  readonly isHelpOpen = signal(false);
  /** What the reader has last said of a span, for a moment's confirmation. */
  readonly rated = signal<string | null>(null);
  /** What the reader may say of a span by hand, and who keeps it; none where nobody does. */
  labels: Labels | null = null;
  judge: Judge | null = null;
  /** What the reader has said of the open span. */
  readonly judgement = signal<Judgement>(UNJUDGED);
  /** Whether the reader is writing a note on the open span. */
  readonly isNoting = signal(false);
  /** Whether the reader has opened or closed the search; null until then. */
  readonly #toolbar = signal<boolean | null>(null);

  /** Whether its spans are those of a moment gone by, in an exported page. */
  readonly isStill: boolean;

  constructor({ hasList = false, isStill = false }: { hasList?: boolean; isStill?: boolean } = {}) {
    this.hasList = hasList;
    this.isStill = isStill;
  }

  readonly forest = computed<Forest | null>(() => (this.tree.value ? forestOf(this.tree.value) : null));
  /** How far each row is, in the words of `state.ts`. */
  /** To the second, where there are streams, which nobody may be reading by now. */
  readonly #momentMs = computed<number>(() => {
    const tree = this.tree.value;
    if (!tree?.flags.some((flag) => flag & UNFINISHED)) return 0;
    return Math.max(tree.nowMs, 1000 * Math.floor(this.time.nowMs.value / 1000));
  });

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

  /** Where the text is that is looked for, in the bits of `filter.ts`; null when none is. */
  readonly places = computed<Uint8Array | null>(() => {
    const [tree, index, found] = [this.tree.value, this.index.value, this.found.value];
    if (!tree || !index || !this.text.value.trim()) return null;
    const places = placesOf(tree, this.text.value);
    return found ? withFound(places, found, index) : places;
  });

  /** The rows that pass text and filters; null when there are neither. */
  readonly matches = computed<Matches | null>(() => {
    const [tree, forest, places] = [this.tree.value, this.forest.value, this.places.value];
    const filters = [...this.filters.value];
    if (!tree || !forest || (!places && filters.length === 0)) return null;
    const range = this.range.value;
    const passes = filters.map((filter) => passing(tree, forest, range, filter));
    const marked = new Uint8Array(tree.length);
    let count = 0;
    for (let row = range.first; row < range.end; row++) {
      if ((places && !places[row]) || passes.some((pass) => !pass[row])) continue;
      marked[row] = 1;
      count += 1;
    }
    return { marked, count };
  });

  readonly #kept = computed<Uint8Array | null>(() => {
    const [tree, matches] = [this.tree.value, this.matches.value];
    return tree && matches && this.isOnlyMatches.value ? withAncestors(matches.marked, tree, this.range.value) : null;
  });

  /** The rows of the tree that are shown, in order. */
  readonly rows = computed<Int32Array>(() => {
    const forest = this.forest.value;
    return forest ? visibleRows(forest, this.range.value, this.#folds.value, this.#kept.value) : new Int32Array();
  });

  /** What the path of the trace at hand is, where the reader asked for it. */
  readonly path = computed<Path | null>(() => {
    const [tree, forest] = [this.tree.value, this.forest.value];
    if (!tree || !forest || !this.filters.value.has("path")) return null;
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

  get #folds() {
    return this.matches.value && this.isOnlyMatches.value ? this.#collapsedMatches : this.collapsed;
  }

  /** A trace that one sees whole needs no search, until it is asked for. */
  readonly isToolbarOpen = computed(() => {
    const isSearching =
      this.text.value !== "" || this.filters.value.size > 0 || (this.isListing.value && this.isOnlyWithCalls.value);
    return this.#toolbar.value ?? (isSearching || (this.tree.value?.length ?? 0) > FEW_ROWS);
  });

  openToolbar(isOpen: boolean): void {
    if (!isOpen) this.showAll();
    this.#toolbar.value = isOpen;
  }

  isCollapsed(row: number): boolean {
    return this.#folds.value[row] === 1;
  }

  isMatch(row: number): boolean {
    return this.matches.value?.marked[row] !== 0;
  }

  show(tree: TreeColumns): void {
    batch(() => {
      const before = this.tree.value;
      this.tree.value = tree;
      this.time.nowMs.value = tree.nowMs;
      this.failure.value = null;
      if (before) this.#follow(before, tree);
      else this.collapsed.value = new Uint8Array(tree.length);
      this.#collapsedMatches.value = new Uint8Array(tree.length);
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
    const collapsed = new Uint8Array(tree.length);
    const old = this.collapsed.value;
    for (let row = 0; row < old.length; row++) {
      const now = old[row] ? found(row) : -1;
      if (now >= 0) collapsed[now] = 1;
    }
    this.collapsed.value = collapsed;
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
      this.reveal(row);
      this.#moveToRow(row);
      this.isOpen.value = true;
    });
  }

  /** Gives the span of a row a label by its number, by hand. */
  labelRow(row: number, number: number): void {
    const key = this.#judged(row);
    if (key && number <= (this.labels?.words.length ?? 0)) this.judge?.label(key, number);
  }

  noteRow(row: number, text: string): void {
    const key = this.#judged(row);
    if (key) this.judge?.note(key, text);
  }

  /** Opens the span of a row with the field for a note. */
  beginNote(row: number): void {
    if (!this.judge || !this.#judged(row)) return;
    batch(() => {
      this.openRow(row);
      this.isNoting.value = true;
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
    this.isNoting.value = false;
  }

  /** Opens a trace of the list, by its first row. */
  enterTrace(row: number): void {
    if (this.openTrace.value === row) return;
    this.#wantsFocus = true;
    batch(() => {
      this.openTrace.value = row;
      this.time.zoom.value = null;
      this.#moveToRow(row);
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

  /** Expands what hides a row. */
  reveal(row: number): void {
    const tree = this.tree.value;
    if (!tree) return;
    if (!this.isMatch(row)) this.isOnlyMatches.value = false;
    const folds = this.#folds;
    const collapsed = folds.value.slice();
    for (let above = tree.parent[row] ?? -1; above >= 0; above = tree.parent[above] ?? -1) collapsed[above] = 0;
    folds.value = collapsed;
  }

  toggle(row: number): void {
    if (!this.forest.value?.childCount[row]) return;
    const collapsed = this.#folds.value.slice();
    collapsed[row] = collapsed[row] ? 0 : 1;
    this.#folds.value = collapsed;
  }

  /** Collapses or expands every row at hand. */
  toggleAll(isCollapsed: boolean): void {
    const { first, end } = this.range.value;
    this.#folds.value = this.#folds.value.slice().fill(isCollapsed ? 1 : 0, first, end);
  }

  moveTo(index: number): void {
    const rows = this.rows.value;
    const row = rows[Math.max(0, Math.min(index, rows.length - 1))];
    if (row !== undefined) this.#moveToRow(row);
  }

  #moveToRow(row: number): void {
    batch(() => {
      if (row !== this.cursor.value) this.isNoting.value = false;
      this.cursor.value = row;
      this.cursorMoves.value += 1;
    });
  }

  /** Returns where a row of another tree is in this one, or -1. */
  rowOf(tree: TreeColumns, row: number): number {
    if (tree === this.tree.value || row < 0) return row;
    return this.index.value?.find(tree.spanId, tree.traceId, row) ?? -1;
  }

  moveBy(rows: number): void {
    this.moveTo(this.cursorIndex.value < 0 ? 0 : this.cursorIndex.value + rows);
  }

  /** Goes to the next or the previous row, also a collapsed one, that something is true of; stays if there is none. */
  seek(isWanted: (row: number) => boolean, step: 1 | -1): void {
    const { first, end } = this.range.value;
    const from =
      this.cursor.value < first || this.cursor.value >= end ? (step > 0 ? first - 1 : end) : this.cursor.value;
    for (let row = from + step; row >= first && row < end; row += step) {
      if (!isWanted(row)) continue;
      batch(() => {
        this.reveal(row);
        this.#moveToRow(row);
      });
      return;
    }
  }

  /** Collapses the row under the cursor; one that has nothing to collapse hands the cursor to its parent. */
  moveOut(): void {
    const row = this.rows.value[this.cursorIndex.value];
    if (row === undefined) return;
    const parent = this.tree.value?.parent[row] ?? -1;
    if (this.forest.value?.childCount[row] && !this.isCollapsed(row)) this.toggle(row);
    else if (parent >= 0) this.moveTo(lastAtOrBefore(this.rows.value, parent));
    else if (this.hasList) this.leaveTrace();
  }

  /** Expands the row under the cursor, or goes to its first child. */
  moveIn(): void {
    const row = this.rows.value[this.cursorIndex.value];
    if (row === undefined || !this.forest.value?.childCount[row]) return;
    if (this.isCollapsed(row)) this.toggle(row);
    else this.moveBy(1);
  }

  toggleFilter(filter: Filter): void {
    const filters = new Set(this.filters.value);
    if (!filters.delete(filter)) filters.add(filter);
    batch(() => {
      this.filters.value = filters;
      this.isOnlyMatches.value = true;
    });
  }

  lookFor(text: string): void {
    batch(() => {
      this.text.value = text;
      this.isOnlyMatches.value = true;
      this.found.value = null;
      this.search.value = { state: "idle" };
    });
  }

  /** Looks for a text in all traces: what a click on a chart asks. */
  lookForAll(text: string): void {
    batch(() => {
      this.leaveTrace();
      this.showAll();
      this.lookFor(text);
    });
    this.#wantsFocus = false;
  }

  showAll(): void {
    batch(() => {
      this.lookFor("");
      this.filters.value = new Set();
      this.isOnlyWithCalls.value = false;
    });
  }
}
