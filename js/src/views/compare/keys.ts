/** What the keys do in the compare view. */

import { type Comparison, cellKey } from "../../model/comparison.ts";
import type { Judge } from "../../model/labels.ts";
import type { Described } from "../help.tsx";

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
      described("1 to 9", "give the answer that label, or stars"),
      described("n", "note why"),
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
export function keyed(key: string, comparison: Comparison, judge: Judge): boolean {
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
  else if (/^[1-9]$/.test(key)) {
    const run = comparison.cell(input, column).runs.at(-1);
    if (run && Number(key) <= comparison.labels.words.length) judge.label(run, Number(key));
  } else if (key === "n") {
    if (comparison.cell(input, column).runs.length > 0) comparison.noting.value = cellKey(input, column);
  } else return false;
  return true;
}

function closed(comparison: Comparison): boolean {
  if (!comparison.open.value) return false;
  comparison.open.value = null;
  return true;
}
