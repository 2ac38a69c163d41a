/**
 * What a branch of a tree comes to: tokens, cost, calls, errors.
 *
 * Only LLM calls count for tokens and cost, since agents often repeat what their calls took. In depth-first order a
 * branch is a run of rows, so running totals answer for any branch in one step. A sum of nothing known is null.
 */

import { CALL, ESTIMATED_COST, FAILURE, REPLAYED, type TreeColumns, UNPRICED } from "./columns.ts";
import { CUT, RUNNING, STREAMING, statesOf, UNREAD } from "./state.ts";

export interface Sum {
  readonly spans: number;
  readonly calls: number;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly costUsd: number | null;
  readonly unpriced: number;
  readonly estimated: number;
  /** Calls that a recording answered. */
  readonly replayed: number;
  readonly errors: number;
  readonly running: number;
  /** Streams that their cell may be reading. */
  readonly streaming: number;
  /** Streams that are not read to their end. */
  readonly unfinished: number;
  readonly interrupted: number;
}

interface Amount {
  readonly total: Float64Array;
  /** How many of the rows so far are known. */
  readonly known: Int32Array;
}

export class Sums {
  readonly #calls: Int32Array;
  readonly #unpriced: Int32Array;
  readonly #estimated: Int32Array;
  readonly #replayed: Int32Array;
  readonly #errors: Int32Array;
  readonly #running: Int32Array;
  readonly #streaming: Int32Array;
  readonly #unfinished: Int32Array;
  readonly #interrupted: Int32Array;
  readonly #inputTokens: Amount;
  readonly #outputTokens: Amount;
  readonly #costUsd: Amount;

  constructor(tree: TreeColumns, states = statesOf(tree)) {
    const { flags, length } = tree;
    this.#calls = counted(length, (row) => ((flags[row] ?? 0) & CALL) !== 0);
    this.#unpriced = counted(length, (row) => ((flags[row] ?? 0) & UNPRICED) !== 0);
    this.#estimated = counted(length, (row) => ((flags[row] ?? 0) & ESTIMATED_COST) !== 0);
    this.#replayed = counted(length, (row) => ((flags[row] ?? 0) & REPLAYED) !== 0);
    this.#errors = counted(length, (row) => ((flags[row] ?? 0) & FAILURE) !== 0);
    this.#running = counted(length, (row) => states[row] === RUNNING);
    this.#streaming = counted(length, (row) => states[row] === STREAMING);
    this.#unfinished = counted(length, (row) => states[row] === UNREAD);
    this.#interrupted = counted(length, (row) => states[row] === CUT);
    this.#inputTokens = added(tree.inputTokens, flags);
    this.#outputTokens = added(tree.outputTokens, flags);
    this.#costUsd = added(tree.costUsd, flags);
  }

  /** Adds up the rows from `first` to before `end`. */
  of(first: number, end: number): Sum {
    const count = (counts: Int32Array): number => (counts[end] ?? 0) - (counts[first] ?? 0);
    const amount = ({ total, known }: Amount): number | null =>
      count(known) ? difference(total[end] ?? 0, total[first] ?? 0) : null;
    return {
      spans: end - first,
      calls: count(this.#calls),
      inputTokens: amount(this.#inputTokens),
      outputTokens: amount(this.#outputTokens),
      costUsd: amount(this.#costUsd),
      unpriced: count(this.#unpriced),
      estimated: count(this.#estimated),
      replayed: count(this.#replayed),
      errors: count(this.#errors),
      running: count(this.#running),
      streaming: count(this.#streaming),
      unfinished: count(this.#unfinished),
      interrupted: count(this.#interrupted),
    };
  }
}

function counted(length: number, isCounted: (row: number) => boolean): Int32Array {
  const counts = new Int32Array(length + 1);
  for (let row = 0; row < length; row++) counts[row + 1] = (counts[row] ?? 0) + (isCounted(row) ? 1 : 0);
  return counts;
}

function added(values: Float64Array, flags: Uint16Array): Amount {
  const total = new Float64Array(values.length + 1);
  const known = new Int32Array(values.length + 1);
  for (let row = 0; row < values.length; row++) {
    const value = values[row] ?? Number.NaN;
    const counts = ((flags[row] ?? 0) & CALL) !== 0 && !Number.isNaN(value);
    total[row + 1] = (total[row] ?? 0) + (counts ? value : 0);
    known[row + 1] = (known[row] ?? 0) + (counts ? 1 : 0);
  }
  return { total, known };
}

/** What is left of two running totals, without the dust of their rounding. */
function difference(whole: number, before: number): number {
  const rest = whole - before;
  return Math.abs(rest) < Math.abs(whole) * 1e-13 ? 0 : rest;
}
