/** What the reader looks for among the rows: a text, filters, and whether only what matches is shown. */

import { batch, computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Found, TreeColumns } from "./columns.ts";
import { type Filter, passing, placesOf, type Range, withAncestors, withFound } from "./filter.ts";
import type { Forest } from "./forest.ts";
import type { RowIndex } from "./ids.ts";

/** What the kernel has said about the text that is looked for. */
export type Search = { state: "idle" } | { state: "asked" } | { state: "failed"; message: string };

export interface Matches {
  readonly marked: Uint8Array;
  readonly count: number;
}

/** What finding needs to know of the rows. */
export interface Findable {
  readonly tree: ReadonlySignal<TreeColumns | null>;
  readonly forest: ReadonlySignal<Forest | null>;
  readonly index: ReadonlySignal<RowIndex | null>;
  /** The rows at hand. */
  readonly range: ReadonlySignal<Range>;
  /** Whether all traces are shown instead, as a list. */
  readonly isListing: ReadonlySignal<boolean>;
}

/** A trace of so many rows or fewer is seen whole. */
const FEW_ROWS = 12;

export class Finding {
  readonly #rows: Findable;
  readonly text = signal("");
  readonly filters = signal<ReadonlySet<Filter>>(new Set());
  readonly isOnlyMatches = signal(true);
  /** Whether the list leaves out the traces that have no LLM call. */
  readonly isOnlyWithCalls = signal(false);
  readonly found = signal<Found | null>(null);
  readonly search = signal<Search>({ state: "idle" });
  /** Whether the reader has opened or closed the search; null until then. */
  readonly #toolbar = signal<boolean | null>(null);

  constructor(rows: Findable) {
    this.#rows = rows;
  }

  /** Where the text is that is looked for, in the bits of `filter.ts`; null when none is. */
  readonly places = computed<Uint8Array | null>(() => {
    const [tree, index, found] = [this.#rows.tree.value, this.#rows.index.value, this.found.value];
    if (!tree || !index || !this.text.value.trim()) return null;
    const places = placesOf(tree, this.text.value);
    return found ? withFound(places, found, index) : places;
  });

  /** The rows that pass text and filters; null when there are neither. */
  readonly matches = computed<Matches | null>(() => {
    const [tree, forest, places] = [this.#rows.tree.value, this.#rows.forest.value, this.places.value];
    const filters = [...this.filters.value];
    if (!tree || !forest || (!places && filters.length === 0)) return null;
    const range = this.#rows.range.value;
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

  /** Whether other rows than those that match are hidden. */
  get isHiding(): boolean {
    return this.matches.value !== null && this.isOnlyMatches.value;
  }

  /** A one for each row that is not hidden: what matches, and what it is below; null when nothing is hidden. */
  readonly kept = computed<Uint8Array | null>(() => {
    const [tree, matches] = [this.#rows.tree.value, this.matches.value];
    return tree && matches && this.isOnlyMatches.value
      ? withAncestors(matches.marked, tree, this.#rows.range.value)
      : null;
  });

  /** A trace that one sees whole needs no search, until it is asked for. */
  readonly isToolbarOpen = computed(() => {
    const isSearching =
      this.text.value !== "" ||
      this.filters.value.size > 0 ||
      (this.#rows.isListing.value && this.isOnlyWithCalls.value);
    return this.#toolbar.value ?? (isSearching || (this.#rows.tree.value?.length ?? 0) > FEW_ROWS);
  });

  openToolbar(isOpen: boolean): void {
    if (!isOpen) this.showAll();
    this.#toolbar.value = isOpen;
  }

  isMatch(row: number): boolean {
    return this.matches.value?.marked[row] !== 0;
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

  showAll(): void {
    batch(() => {
      this.lookFor("");
      this.filters.value = new Set();
      this.isOnlyWithCalls.value = false;
    });
  }
}
