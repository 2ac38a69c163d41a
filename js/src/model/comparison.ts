/**
 * Runs of prompts in a table of variants and inputs, and what a reader does with it: baseline, order, filter, cursor.
 *
 * A cell has a run or several; a figure of it is the mean of those that are known and did not fail, as
 * nbtrace/_query/comparison.py has it. No DOM and no kernel here.
 */

import { batch, computed, type Signal, signal } from "@preact/signals";
import type { Kernel } from "./explorer.ts";
import type { Judgement, Labels } from "./labels.ts";

export const FIGURES = ["cost_usd", "latency_s", "first_chunk_s", "input_tokens", "output_tokens"] as const;
export type Figure = (typeof FIGURES)[number];

export interface Variant {
  readonly label: string;
  readonly prompt: string;
  readonly version: string;
  readonly model: string | null;
  readonly settings: readonly (readonly [string, string])[];
  readonly template: string | null;
}

/** A variant against the baseline, over the inputs that both have. */
export interface Measured {
  readonly column: number;
  readonly figure: string;
  readonly isScore: boolean;
  readonly n: number;
  readonly change: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly isRelative: boolean;
  readonly isNoise: boolean;
}

/** What the kernel says beside the runs. */
export interface Head {
  readonly title: string;
  readonly baseline: number;
  readonly variants: readonly Variant[];
  readonly inputs: readonly (readonly (readonly [string, string])[])[];
  readonly scores: readonly string[];
  readonly sentences: readonly string[];
  readonly measured: readonly Measured[];
}

export interface Run extends Judgement {
  readonly variant: number;
  readonly input: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly output: string;
  /** Characters of the output that did not come along. */
  readonly leftOut: number;
  readonly state: "over" | "running" | "error";
  readonly finish: string;
  readonly error: string;
  readonly costState: string;
  /** `estimated` where the tokens are. */
  readonly usageState: string;
  /** NaN where unknown. */
  readonly figures: Readonly<Record<Figure, number>>;
  readonly scores: Readonly<Record<string, number>>;
}

export interface Cell {
  readonly runs: readonly Run[];
  /** Means by figure and score; absent where unknown. */
  readonly means: ReadonlyMap<string, number>;
}

/** What rows are shown: all, or those where something got better, worse, or was answered otherwise. */
export const FILTERS = ["all", "improved", "regressed", "changed"] as const;
export type RowFilter = (typeof FILTERS)[number];

/** A share from which on a difference of a figure is one. */
const NOTABLE = 0.05;

export class Comparison {
  readonly head = signal<Head | null>(null);
  readonly runs = signal<readonly Run[]>([]);
  readonly kernel = signal<Kernel>("answering");
  readonly failure = signal<string | null>(null);
  /** The column that the others are compared with. */
  readonly baseline: Signal<number>;
  /** The figure or score that rows are sorted and filtered by; empty for the one that says most. */
  readonly chosenMeasure = signal("");
  readonly isSorted = signal(false);
  readonly filter = signal<RowFilter>("all");
  readonly isDiffing = signal(false);
  readonly isTemplateOpen = signal(false);
  readonly isHelpOpen = signal(false);
  /** The cell that the keys act on: input and column. */
  readonly cursor = signal<{ input: number; column: number }>({ input: 0, column: 0 });
  readonly cursorMoves = signal(0);
  /** Cells whose whole answer is shown. */
  readonly whole = signal<ReadonlySet<string>>(new Set());
  /** The run whose trace is open. */
  readonly open = signal<Run | null>(null);

  /** The cell on whose answer the reader is writing a note; empty for none. */
  readonly noting = signal("");
  /** What the reader has last said of an answer, for a moment's confirmation. */
  readonly said = signal("");
  /** What the reader may say of an answer by hand. */
  readonly labels: Labels;

  constructor(baseline = 0, labels: Labels = RATING) {
    this.baseline = signal(baseline);
    this.labels = labels;
  }

  /** Takes what the kernel has said. */
  show(head: Head, runs: readonly Run[]): void {
    batch(() => {
      this.head.value = head;
      if (this.baseline.peek() >= head.variants.length) this.baseline.value = head.baseline;
      this.runs.value = runs;
      this.failure.value = null;
      this.kernel.value = "answering";
    });
  }

  readonly cells = computed<readonly (readonly Cell[])[]>(() => {
    const head = this.head.value;
    if (!head) return [];
    const runs: Run[][][] = head.inputs.map(() => head.variants.map(() => []));
    for (const run of this.runs.value) runs[run.input]?.[run.variant]?.push(run);
    return runs.map((row) => row.map((some) => ({ runs: some, means: meansOf(some) })));
  });

  /** What rows can be sorted by: the scores, and the figures that any run has. */
  readonly measures = computed<readonly string[]>(() => {
    const known = new Set(this.cells.value.flatMap((row) => row.flatMap(({ means }) => [...means.keys()])));
    return [...(this.head.value?.scores ?? []), ...FIGURES].filter((name) => known.has(name));
  });

  readonly measure = computed(() => {
    const [chosen, measures] = [this.chosenMeasure.value, this.measures.value];
    return measures.includes(chosen) ? chosen : (measures[0] ?? "");
  });

  /** The inputs that are shown, in the order in which they are. */
  readonly rows = computed<readonly number[]>(() => {
    const filter = this.filter.value;
    const rows = this.cells.value.map((_, input) => input).filter((input) => this.#passes(input, filter));
    if (!this.isSorted.value) return rows;
    const worst = new Map(rows.map((input) => [input, Math.max(...this.#losses(input), Number.NEGATIVE_INFINITY)]));
    return [...rows].sort((a, b) => (worst.get(b) ?? 0) - (worst.get(a) ?? 0) || a - b);
  });

  cell(input: number, column: number): Cell {
    return this.cells.value[input]?.[column] ?? NO_CELL;
  }

  /** How much worse the columns of a row are than the baseline, in what rows are sorted by; better is below zero. */
  #losses(input: number): number[] {
    const [measure, base] = [this.measure.value, this.baseline.value];
    const columns = (this.head.value?.variants ?? []).map((_, column) => column).filter((column) => column !== base);
    return columns.flatMap((column) => {
      const change = this.change(input, column, measure);
      return change === null ? [] : [isBetterHigh(measure) ? -change.amount : change.amount];
    });
  }

  #passes(input: number, filter: RowFilter): boolean {
    if (filter === "all") return true;
    if (filter === "changed") return this.#isChanged(input);
    const least = isBetterHigh(this.measure.value) ? 0 : NOTABLE;
    return this.#losses(input).some((loss) => (filter === "regressed" ? loss > least : loss < -least));
  }

  #isChanged(input: number): boolean {
    const row = this.cells.value[input] ?? [];
    const base = new Set(row[this.baseline.value]?.runs.map(({ output }) => output));
    return row.some(({ runs }) => runs.some(({ output }) => !base.has(output)));
  }

  /** How a cell differs from the baseline's: a share of a figure, a difference of a score. */
  change(input: number, column: number, measure: string): { amount: number; isShare: boolean } | null {
    if (column === this.baseline.value) return null;
    const [own, base] = [this.cell(input, column), this.cell(input, this.baseline.value)].map(({ means }) =>
      means.get(measure),
    );
    if (own === undefined || base === undefined) return null;
    const isShare = !isBetterHigh(measure) && base > 0;
    return { amount: isShare ? own / base - 1 : own - base, isShare };
  }

  /** Moves the cursor by rows and columns as they are shown. */
  move(down: number, right: number): void {
    const [rows, { input, column }] = [this.rows.value, this.cursor.value];
    const columns = this.head.value?.variants.length ?? 0;
    if (!rows.length || !columns) return;
    const row = Math.min(rows.length - 1, Math.max(0, rows.indexOf(input) + down));
    this.cursor.value = { input: rows[row] ?? 0, column: Math.min(columns - 1, Math.max(0, column + right)) };
    this.cursorMoves.value += 1;
  }

  toggleWhole(input: number, column: number): void {
    const [whole, key] = [new Set(this.whole.value), cellKey(input, column)];
    if (!whole.delete(key)) whole.add(key);
    this.whole.value = whole;
  }

  /** Opens the trace of the last run under the cursor, or closes the one that is open. */
  toggleTrace(): void {
    const { input, column } = this.cursor.value;
    const run = this.cell(input, column).runs.at(-1) ?? null;
    this.open.value = this.open.value?.spanId === run?.spanId ? null : run;
  }
}

export function cellKey(input: number, column: number): string {
  return `${input} ${column}`;
}

const RATING: Labels = { name: "rating", words: ["1", "2", "3", "4", "5"], isRating: true };
const NO_CELL: Cell = { runs: [], means: new Map() };

/** Whether more of it is better: of scores it is, of costs, times and tokens it is not. */
export function isBetterHigh(measure: string): boolean {
  return !(FIGURES as readonly string[]).includes(measure);
}

function meansOf(runs: readonly Run[]): Map<string, number> {
  const known = new Map<string, number[]>();
  for (const run of runs) {
    if (run.state === "error") continue;
    for (const [name, value] of [...Object.entries(run.figures), ...Object.entries(run.scores)]) {
      if (Number.isFinite(value)) known.set(name, [...(known.get(name) ?? []), value]);
    }
  }
  return new Map([...known].map(([name, values]) => [name, values.reduce((a, b) => a + b) / values.length]));
}
