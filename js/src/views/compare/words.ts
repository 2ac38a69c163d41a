/** Figures of a comparison in words. */

import { type Figure, isBetterHigh, type Run } from "../../model/comparison.ts";
import * as text from "../../model/text.ts";
import { visibleName } from "../../model/visible.ts";

const NAMES: Readonly<Record<Figure, string>> = {
  cost_usd: "cost",
  latency_s: "latency",
  first_chunk_s: "time to first chunk",
  input_tokens: "tokens in",
  output_tokens: "tokens out",
};

/** Names a measure; a score is called one, as it may be named `latency` or `cost` too. */
export function wordOf(measure: string): string {
  return NAMES[measure as Figure] ?? `score ${visibleName(measure)}`;
}

/** Whether any of some runs only has an estimate of a measure. */
export function isEstimated(runs: readonly Run[], measure: string): boolean {
  return runs.some((run) => (measure === "cost_usd" ? run.costState : run.usageState) === "estimated");
}

export function amountOf(measure: string, value: number, isGuess = false): string {
  if (measure === "cost_usd") return text.cost(value, isGuess ? "estimated" : null);
  if (measure === "latency_s" || measure === "first_chunk_s") return text.duration(value * 1e9);
  if (measure === "input_tokens" || measure === "output_tokens")
    return `${isGuess ? "~" : ""}${text.tokens(Math.round(value))}`;
  return `${wordOf(measure)} ${Number(value.toPrecision(3))}`;
}

export interface Delta {
  readonly text: string;
  readonly look: "better" | "worse" | "even";
}

/** Below this share a difference is not worth the room it takes. */
const LEAST = 0.005;

/** Words a difference: a share in per cent, or an amount, with its sign. */
export function deltaOf(measure: string, amount: number, isShare: boolean): Delta | null {
  if (isShare ? Math.abs(amount) < LEAST : amount === 0) return null;
  const size = Math.abs(amount);
  const words = isShare ? `${size < 0.095 ? (size * 100).toFixed(1) : Math.round(size * 100)} %` : plain(size);
  const isTokens = measure === "input_tokens" || measure === "output_tokens";
  const isBetter = amount > 0 === isBetterHigh(measure);
  return { text: `${amount < 0 ? "−" : "+"}${words}`, look: isTokens ? "even" : isBetter ? "better" : "worse" };
}

function plain(size: number): string {
  return String(Number(size.toPrecision(2)));
}
