/** One cell: what was answered, how it differs from the baseline's, and what it took. */

import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { type Cell, type Comparison, cellKey, type Run } from "../../model/comparison.ts";
import type { Judge } from "../../model/labels.ts";
import { counted } from "../../model/text.ts";
import { visibleName, visibleText } from "../../model/visible.ts";
import { changes } from "../../model/words.ts";
import { Choices, Note } from "../choices.tsx";
import { amountOf, deltaOf, isEstimated } from "./words.ts";

export interface AnswerOptions {
  comparison: Comparison;
  input: number;
  column: number;
  judge: Judge;
}

export function AnswerCell({ comparison, input, column, judge }: AnswerOptions): JSX.Element {
  const cell = comparison.cell(input, column);
  const { cursor } = comparison;
  const run = cell.runs.at(-1);
  // Computed, so that of a thousand cells only the two are drawn again that the cursor leaves and comes to.
  const isCursor = useComputed(() => cursor.value.input === input && cursor.value.column === column).value;
  const isNoting = useComputed(() => comparison.noting.value === cellKey(input, column)).value;
  const cellElement = useRef<HTMLTableCellElement>(null);
  const choose = (): void => {
    cursor.value = { input, column };
  };
  const onNoting = (isOpen: boolean): void => {
    comparison.noting.value = isOpen ? cellKey(input, column) : "";
    if (!isOpen) cellElement.current?.closest<HTMLElement>(".matrix")?.focus();
  };
  return (
    <td
      ref={cellElement}
      role="gridcell"
      aria-selected={isCursor}
      class={isCursor ? "answer cursor" : "answer"}
      onClick={choose}
      onDblClick={() => {
        choose();
        comparison.toggleTrace();
      }}
    >
      {run ? (
        <>
          <Said comparison={comparison} input={input} column={column} run={run} />
          <Facts comparison={comparison} input={input} column={column} cell={cell} />
          <div class={run.choice || run.note ? "judged hands" : "hands"}>
            <Choices
              labels={comparison.labels}
              said={run}
              onLabel={(number) => judge.label(run, number)}
              onNoting={onNoting}
            />
            <button
              type="button"
              class="button see"
              tabIndex={-1}
              title="Open the call's trace (Enter)"
              onClick={() => {
                choose();
                comparison.toggleTrace();
              }}
            >
              Trace
            </button>
          </div>
          <Note
            said={run}
            isNoting={isNoting}
            onNoting={onNoting}
            onNote={(text) => {
              judge.note(run, text);
              onNoting(false);
            }}
          />
        </>
      ) : (
        <span class="faint">not run</span>
      )}
    </td>
  );
}

function Said({ comparison, input, column, run }: Omit<AnswerOptions, "judge"> & { run: Run }): JSX.Element {
  const isWhole = useComputed(() => comparison.whole.value.has(cellKey(input, column))).value;
  const base = comparison.cell(input, comparison.baseline.value).runs.at(-1);
  const isBase = column === comparison.baseline.value;
  if (run.state === "error") return <p class="said failed">✕ {visibleName(run.error)}</p>;
  if (!run.output) return <p class="said faint">{run.state === "running" ? "running…" : "no text"}</p>;
  return (
    <div class={isWhole ? "said whole" : "said"}>
      {comparison.isDiffing.value && base && !isBase && base.state === "over" ? (
        <Changes before={base.output} after={run.output} />
      ) : (
        <pre class="text">{visibleText(run.output)}</pre>
      )}
      {isWhole && run.leftOut > 0 && (
        <p class="faint">{counted(run.leftOut, "more character")}: the trace has all of it.</p>
      )}
    </div>
  );
}

/** A text with what was removed of another, and added. */
export function Changes({ before, after }: { before: string; after: string }): JSX.Element {
  const parts = useMemo(() => changes(before, after), [before, after]);
  if (parts === null) {
    return (
      <>
        <p class="faint">Too different to compare word by word.</p>
        <pre class="text">{visibleText(after)}</pre>
      </>
    );
  }
  return (
    <pre class="text">
      {parts.map(({ kind, text }, at) => {
        const words = visibleText(text);
        if (kind === "removed") return <del key={at}>{words}</del>;
        return kind === "added" ? <ins key={at}>{words}</ins> : words;
      })}
    </pre>
  );
}

function Facts({
  comparison,
  input,
  column,
  cell,
}: {
  comparison: Comparison;
  input: number;
  column: number;
  cell: Cell;
}): JSX.Element {
  const run = cell.runs.at(-1);
  const scores = [...cell.means.keys()].filter((name) => comparison.head.value?.scores.includes(name));
  const names = [
    "output_tokens",
    "cost_usd",
    "latency_s",
    "first_chunk_s",
    ...scores.filter((name) => name !== comparison.labels.name),
  ];
  const failed = cell.runs.filter(({ state }) => state === "error").length;
  return (
    <ul class="cell-facts">
      {names.map((measure) => {
        const value = cell.means.get(measure);
        if (value === undefined) {
          return measure === "cost_usd" && run?.state === "over" ? <li key={measure}>unpriced</li> : null;
        }
        const change = comparison.change(input, column, measure);
        const delta = change && deltaOf(measure, change.amount, change.isShare);
        return (
          <li key={measure} title={TITLES[measure]}>
            {amountOf(measure, value, isEstimated(cell.runs, measure))}
            {measure === "output_tokens" && " tok"}
            {measure === "first_chunk_s" && " to first"}
            {delta && <span class={`delta ${delta.look}`}> {delta.text}</span>}
          </li>
        );
      })}
      {run?.finish && run.finish !== "stop" && <li class="finish">{visibleName(run.finish)}</li>}
      {cell.runs.length > 1 && (
        <li title="Figures are their means; the last answer is shown">{cell.runs.length} runs</li>
      )}
      {failed > 0 && cell.runs.length > 1 && <li class="failed">{counted(failed, "error")}</li>}
    </ul>
  );
}

const TITLES: Readonly<Record<string, string>> = {
  output_tokens: "Tokens out",
  cost_usd: "Cost",
  latency_s: "From the request to the end of the answer",
  first_chunk_s: "Time to first chunk",
};
