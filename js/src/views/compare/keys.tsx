/** What the keys do in the compare view. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Comparison } from "../../model/comparison.ts";
import { CloseIcon } from "../../ui/icons.tsx";

type Rate = (traceId: string, spanId: string, rating: number) => void;

const BINDINGS: readonly (readonly [string, string])[] = [
  ["↑ ↓ ← →", "move between answers"],
  ["Enter", "open the call's trace, or close it"],
  ["Space", "show the whole answer"],
  ["1 – 5", "rate the answer"],
  ["b", "compare with this column"],
  ["d", "differences of the answers"],
  ["t", "templates, and their differences"],
  ["s", "worst first"],
  ["Esc", "close what is open"],
  ["?", "these keys"],
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

export function CompareHelp({ comparison }: { comparison: Comparison }): JSX.Element {
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => panel.current?.focus(), []);
  const close = (): void => {
    comparison.isHelpOpen.value = false;
  };
  return (
    <div
      class="help"
      role="dialog"
      aria-modal="true"
      aria-label="Keys"
      tabIndex={-1}
      ref={panel}
      onKeyDown={(event) => {
        if (event.key === "Escape" || event.key === "?") close();
        event.stopPropagation();
      }}
    >
      <header>
        <h3>Keys</h3>
        <button type="button" class="button icon-button" title="Close" aria-label="Close" onClick={close}>
          <CloseIcon />
        </button>
      </header>
      <div class="key-groups">
        <section>
          <dl>
            {BINDINGS.map(([shown, does]) => (
              <div key={shown}>
                <dt>
                  <kbd>{shown}</kbd>
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </div>
  );
}
