/**
 * The first words of spans that came without them: of a large tree the kernel sends those of its latest traces only,
 * since each costs the reading of a message. The rows in sight get theirs when they are asked for.
 */

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { TreeColumns } from "./columns.ts";
import type { Forest } from "./forest.ts";
import { spanIdAt, traceIdAt } from "./ids.ts";

/** So many spans at most, the latest, come with their words, in whole traces. */
export const PREVIEWED = 500;

/** Rows of a tree whose words are to be asked for. */
export interface Wanted {
  readonly tree: TreeColumns;
  readonly rows: readonly number[];
  /** Trace id and span id of each, in hex. */
  readonly keys: readonly string[];
}

interface Known {
  readonly words: string;
  /** The tree in which it still ran, or was not told: there may be more with a newer one. Weakly, as trees are large. */
  readonly ranIn: WeakRef<TreeColumns> | null;
}

export class Previews {
  readonly #tree: ReadonlySignal<TreeColumns | null>;
  /** The rows before this one came without words. */
  readonly #from: ReadonlySignal<number>;
  readonly #known = signal<ReadonlyMap<string, Known>>(new Map());
  /** The rows that are drawn. */
  readonly inSight = signal<ArrayLike<number>>([]);

  constructor({ tree, forest }: { tree: ReadonlySignal<TreeColumns | null>; forest: ReadonlySignal<Forest | null> }) {
    this.#tree = tree;
    this.#from = computed(() => {
      const length = tree.value?.length ?? 0;
      return forest.value?.traces.find((start) => length - start <= PREVIEWED) ?? length;
    });
  }

  /** The spans in sight whose words nobody has asked for yet; null if there are none. */
  readonly wanted = computed<Wanted | null>(() => {
    const [tree, known] = [this.#tree.value, this.#known.value];
    if (!tree) return null;
    const rows = Array.from(this.inSight.value).filter((row) => {
      if (row >= this.#from.value) return false;
      const found = known.get(keyOf(tree, row));
      return !found || (found.ranIn !== null && found.ranIn.deref() !== tree);
    });
    return rows.length ? { tree, rows, keys: rows.map((row) => keyOf(tree, row)) } : null;
  });

  /** The first words of a row: those that it came with, or those that were asked for. */
  of(row: number): string {
    const tree = this.#tree.value;
    if (!tree) return "";
    if (row >= this.#from.value) return tree.summary.at(row);
    return tree.summary.at(row) || (this.#known.value.get(keyOf(tree, row))?.words ?? "");
  }

  /**
   * Takes an answer: what was asked and is not in it has no words but those that are known. Where there was none, spans
   * are asked for again with a newer tree.
   */
  take({ tree, rows, keys }: Wanted, found: ReadonlyMap<string, string> | null): void {
    const known = new Map(this.#known.peek());
    const ranIn = new WeakRef(tree);
    keys.forEach((key, at) => {
      const isOver = found !== null && !Number.isNaN(tree.durationMs[rows[at] ?? -1]);
      known.set(key, { words: found?.get(key) ?? known.get(key)?.words ?? "", ranIn: isOver ? null : ranIn });
    });
    this.#known.value = known;
  }
}

function keyOf(tree: TreeColumns, row: number): string {
  return traceIdAt(tree, row) + spanIdAt(tree, row);
}
