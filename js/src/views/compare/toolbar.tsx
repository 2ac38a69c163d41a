/** The line on top: what is compared, and how it is shown. */

import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { type Comparison, FILTERS, type RowFilter } from "../../model/comparison.ts";
import { visibleName } from "../../model/visible.ts";
import { HelpButton } from "../help.tsx";
import { wordOf } from "./words.ts";

const FILTER_WORDS: Readonly<Record<RowFilter, readonly [string, string]>> = {
  all: ["All", "Every input"],
  improved: ["Improved", "Inputs where a variant is better than the baseline: by 5 %, or by any score"],
  regressed: ["Regressed", "Inputs where a variant is worse than the baseline: by 5 %, or by any score"],
  changed: ["Changed", "Inputs that a variant answers otherwise than the baseline"],
};

export function CompareToolbar({ comparison }: { comparison: Comparison }): JSX.Element {
  const head = comparison.head.value;
  const kernel = comparison.kernel.value;
  const [shown, of] = [comparison.rows.value.length, head?.inputs.length ?? 0];
  return (
    <>
      <div class="top">
        <div class="header">
          <span class="compare-title">{head ? visibleName(head.title) : "Comparing…"}</span>
          {kernel !== "answering" && (
            <span class="notice" role="status">
              {kernel === "busy" ? "Kernel busy. This loads as soon as it answers." : "No kernel. Run the cell again."}
            </span>
          )}
        </div>
        <div class="tools">
          <span class="notice rated" role="status">
            {comparison.said.value}
          </span>
          <HelpButton
            onClick={() => {
              comparison.isHelpOpen.value = true;
            }}
          />
        </div>
      </div>
      {head && (
        <div class="toolbar compare-toolbar">
          <div class="filters" role="group" aria-label="Inputs shown">
            {FILTERS.map((filter) => (
              <button
                key={filter}
                type="button"
                class="button toggle"
                aria-pressed={comparison.filter.value === filter}
                title={FILTER_WORDS[filter][1]}
                onClick={() => {
                  comparison.filter.value = filter;
                }}
              >
                {FILTER_WORDS[filter][0]}
              </button>
            ))}
          </div>
          <div class="filters">
            {comparison.measures.value.length > 0 && (
              <label class="by">
                by{" "}
                <select
                  value={comparison.measure.value}
                  onChange={(event) => {
                    comparison.chosenMeasure.value = event.currentTarget.value;
                  }}
                >
                  {comparison.measures.value.map((name) => (
                    <option key={name} value={name}>
                      {wordOf(name)}
                    </option>
                  ))}
                </select>
              </label>
            )}
            <Toggle on={comparison.isSorted} name="Worst first" title="Sort inputs by what got worse most (s)" />
            <Toggle on={comparison.isDiffing} name="Diff answers" title="What differs from the baseline's answer (d)" />
            <Toggle on={comparison.isTemplateOpen} name="Diff templates" title="The templates and what differs (t)" />
          </div>
          {shown < of && (
            <span class="faint" role="status">
              {shown} of {of} inputs
            </span>
          )}
        </div>
      )}
    </>
  );
}

function Toggle({ on, name, title }: { on: Signal<boolean>; name: string; title: string }): JSX.Element {
  return (
    <button
      type="button"
      class="button toggle"
      aria-pressed={on.value}
      title={title}
      onClick={() => {
        on.value = !on.value;
      }}
    >
      {name}
    </button>
  );
}
