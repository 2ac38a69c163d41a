/** What the keys do in the compare view. */

import type { Comparison } from "../../model/comparison.ts";
import type { Described } from "../help.tsx";

type Rate = (traceId: string, spanId: string, rating: number) => void;

const described = (shown: string, does: string): Described["bindings"][number] => ({ shown, does });

export const KEYS: readonly Described[] = [
  {
    title: "Answers",
    bindings: [
      described("↑ ↓ ← →", "move between answers, as h j k l do"),
      described("Home", "first input"),
      described("End", "last input"),
      described("Enter", "open the call's trace, or close it"),
      described("Space", "show the whole answer, or its beginning"),
      described("1 to 5", "rate the answer"),
    ],
  },
  {
    title: "Table",
    bindings: [
      described("b", "compare with this column"),
      described("d", "differences of the answers"),
      described("t", "templates, and their differences"),
      described("s", "worst first"),
      described("Esc", "close the trace"),
      described("?", "these keys"),
    ],
  },
];

const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  k: [-1, 0],
  j: [1, 0],
  h: [0, -1],
  l: [0, 1],
  Home: [Number.NEGATIVE_INFINITY, 0],
  End: [Number.POSITIVE_INFINITY, 0],
};

/** Acts on a key; gives whether it means anything here. */
export function keyed(key: string, comparison: Comparison, rate: Rate): boolean {
  const step = STEPS[key];
  const { input, column } = comparison.cursor.value;
  if (step) comparison.move(...step);
  else if (key === "Enter") comparison.toggleTrace();
  else if (key === " ") comparison.toggleWhole(input, column);
  else if (key === "b") comparison.baseline.value = column;
  else if (key === "d") comparison.isDiffing.value = !comparison.isDiffing.value;
  else if (key === "t") comparison.isTemplateOpen.value = !comparison.isTemplateOpen.value;
  else if (key === "s") comparison.isSorted.value = !comparison.isSorted.value;
  else if (key === "?") comparison.isHelpOpen.value = true;
  else if (key === "Escape") return closed(comparison);
  else if (/^[1-5]$/.test(key)) {
    const run = comparison.cell(input, column).runs.at(-1);
    if (run) rate(run.traceId, run.spanId, Number(key));
  } else return false;
  return true;
}

function closed(comparison: Comparison): boolean {
  if (!comparison.open.value) return false;
  comparison.open.value = null;
  return true;
}
