/** The time of the rows at hand: all of it, up to now while any of them goes on, and the stretch that is in view. */

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { TreeColumns } from "./columns.ts";
import type { Range } from "./filter.ts";
import type { Forest } from "./forest.ts";
import { stretchOf } from "./state.ts";
import type { Sums } from "./sums.ts";
import { panned, type Span, within, zoomed } from "./time.ts";

/** What a timeline needs to know of the rows. */
export interface Rows {
  readonly tree: ReadonlySignal<TreeColumns | null>;
  readonly forest: ReadonlySignal<Forest | null>;
  readonly states: ReadonlySignal<Uint8Array>;
  readonly sums: ReadonlySignal<Sums | null>;
  /** The rows at hand. */
  readonly range: ReadonlySignal<Range>;
  /** Whether all traces are shown instead, as a list. */
  readonly isListing: ReadonlySignal<boolean>;
}

export class Timeline {
  readonly #rows: Rows;
  /** By the kernel's clock: milliseconds after the earliest start. */
  readonly nowMs = signal(0);
  /** The stretch of time in view; null for all of it. */
  readonly zoom = signal<Span | null>(null);

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  /** Whether anything that is shown goes on. */
  readonly isGoing = computed<boolean>(() => {
    const { tree, sums, range, isListing } = this.#rows;
    const { first, end } = isListing.value ? { first: 0, end: tree.value?.length ?? 0 } : range.value;
    const sum = sums.value?.of(first, end);
    return sum !== undefined && sum.running + sum.streaming > 0;
  });

  readonly #stretch = computed<Span>(() => {
    const [tree, range] = [this.#rows.tree.value, this.#rows.range.value];
    return tree && range.first < range.end ? stretchOf(tree, this.#rows.states.value, range) : { fromMs: 0, toMs: 0 };
  });

  /** All the time that the rows at hand span: up to now, if any of them goes on. */
  readonly axis = computed<Span>(() => {
    const { fromMs, toMs } = this.#stretch.value;
    return this.isGoing.value ? { fromMs, toMs: Math.max(toMs, this.nowMs.value) } : this.#stretch.value;
  });

  readonly view = computed<Span>(() => (this.zoom.value ? within(this.zoom.value, this.axis.value) : this.axis.value));

  /** Shows a stretch of time, or with null all of it. */
  zoomTo(stretch: Span | null): void {
    const whole = this.axis.value;
    const view = stretch && within(stretch, whole);
    this.zoom.value = view && view.toMs - view.fromMs < whole.toMs - whole.fromMs ? view : null;
  }

  zoomBy(factor: number, aroundMs = (this.view.value.fromMs + this.view.value.toMs) / 2): void {
    this.zoomTo(zoomed(this.view.value, factor, aroundMs));
  }

  panBy(share: number): void {
    if (this.zoom.value) this.zoomTo(panned(this.view.value, share));
  }

  /** Shows the time of a row's branch. */
  zoomToRow(row: number): void {
    const [tree, forest] = [this.#rows.tree.value, this.#rows.forest.value];
    if (!tree || !forest || row < 0) return;
    const fromMs = tree.startMs[row] ?? 0;
    const toMs = Math.max(forest.endMs[row] ?? fromMs, fromMs);
    const margin = (toMs - fromMs) * 0.02;
    this.zoomTo({ fromMs: fromMs - margin, toMs: toMs + margin });
  }
}
