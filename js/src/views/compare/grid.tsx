/** The table: variants as columns, inputs as rows, an answer with its figures in each cell. */

import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Comparison } from "../../model/comparison.ts";
import type { Judge } from "../../model/labels.ts";
import { visibleName, visibleText } from "../../model/visible.ts";
import { AnswerCell, Changes } from "./answer.tsx";
import { amountOf, deltaOf, isEstimated } from "./words.ts";

/** Pixels of a row that has not been drawn yet. */
const UNSEEN_HEIGHT = 120;

export interface GridOptions {
  comparison: Comparison;
  height: { readonly value: number };
  judge: Judge;
}

export function Grid({ comparison, height, judge }: GridOptions): JSX.Element {
  const table = useRef<HTMLTableElement>(null);
  // Only the reader's own moves bring a cell into sight.
  useSignalEffect(() => {
    if (comparison.cursorMoves.value === 0) return;
    requestAnimationFrame(() =>
      table.current?.querySelector(".cursor")?.scrollIntoView({ block: "nearest", inline: "nearest" }),
    );
  });
  const head = comparison.head.value;
  const rows = comparison.rows.value;
  return (
    <div class="matrix" style={{ maxHeight: `${height.value}px` }} tabIndex={0}>
      <table ref={table} role="grid" aria-rowcount={rows.length + 1} aria-label="Answers by input and variant">
        <thead>
          <tr>
            <th scope="col" class="input">
              Input
            </th>
            {head?.variants.map(({ label }, column) => (
              <ColumnHead key={label} comparison={comparison} column={column} />
            ))}
          </tr>
        </thead>
        <tbody>
          {comparison.isTemplateOpen.value && <Templates comparison={comparison} />}
          {rows.map((input) => (
            <Row key={input} comparison={comparison} input={input} judge={judge} />
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p class="plain faint">No input is so. “All” shows the others.</p>}
    </div>
  );
}

function ColumnHead({ comparison, column }: { comparison: Comparison; column: number }): JSX.Element {
  const variant = comparison.head.value?.variants[column];
  const isBaseline = comparison.baseline.value === column;
  return (
    <th scope="col" aria-label={visibleName(variant?.label ?? "")}>
      <div class="variant">
        <b>{visibleName(variant?.label ?? "")}</b>
        {isBaseline ? (
          <span class="baseline">baseline</span>
        ) : (
          <button
            type="button"
            class="button make-baseline"
            title="Compare the others with this one (b)"
            onClick={() => {
              comparison.baseline.value = column;
            }}
          >
            Set as baseline
          </button>
        )}
      </div>
      <Means comparison={comparison} column={column} />
    </th>
  );
}

/** The means of a column over its inputs, each with its change against the baseline. */
function Means({ comparison, column }: { comparison: Comparison; column: number }): JSX.Element {
  const { measured = [], scores = [] } = comparison.head.value ?? {};
  const runs = comparison.cells.value.flatMap((row) => row[column]?.runs ?? []);
  const facts = [...scores, "cost_usd", "latency_s", "output_tokens"].flatMap((measure) => {
    const values = comparison.cells.value.flatMap((row) => row[column]?.means.get(measure) ?? []);
    if (!values.length) return measure === "cost_usd" ? [{ measure, words: "unpriced", found: undefined }] : [];
    const mean = values.reduce((a, b) => a + b) / values.length;
    const words =
      amountOf(measure, mean, isEstimated(runs, measure)) + (measure === "output_tokens" ? " tokens out" : "");
    return [{ measure, words, found: measured.find((one) => one.column === column && one.figure === measure) }];
  });
  return (
    <ul class="means">
      {facts.map(({ measure, words, found }) => {
        const delta = found?.change != null ? deltaOf(measure, found.change, found.isRelative) : null;
        return (
          <li key={measure} title={found ? rangeOf(found.low, found.high, found.isRelative, found.n) : undefined}>
            {words} {delta && <span class={found?.isNoise ? "delta even" : `delta ${delta.look}`}>{delta.text}</span>}
            {delta && found?.isNoise && <span class="noise"> noise</span>}
          </li>
        );
      })}
    </ul>
  );
}

function rangeOf(low: number | null, high: number | null, isRelative: boolean, n: number): string {
  if (low === null || high === null) return `${n} input compared: too few for an interval`;
  const [from, to] = [low, high].map((end) => (isRelative ? `${(end * 100).toFixed(0)} %` : end.toPrecision(2)));
  return `95 % interval ${from} to ${to}, over ${n} inputs`;
}

function Templates({ comparison }: { comparison: Comparison }): JSX.Element {
  const { variants = [] } = comparison.head.value ?? {};
  const base = variants[comparison.baseline.value]?.template ?? null;
  return (
    <tr class="templates">
      <th scope="row" class="input">
        Template
      </th>
      {variants.map(({ label, template }, column) => (
        <td key={label}>
          {template === null ? (
            <span class="faint">not kept</span>
          ) : base === null || column === comparison.baseline.value ? (
            <pre class="text">{visibleText(template)}</pre>
          ) : (
            <Changes before={base} after={template} />
          )}
        </td>
      ))}
    </tr>
  );
}

/** A row draws its answers while it is near what is in sight: there may be thousands, with a diff in each. */
function Row({ comparison, input, judge }: { comparison: Comparison; input: number; judge: Judge }): JSX.Element {
  const row = useRef<HTMLTableRowElement>(null);
  /** What an undrawn row keeps, so that nothing moves when it leaves; null while it is drawn. */
  const [keptHeight, setKeptHeight] = useState<number | null>(UNSEEN_HEIGHT);
  useEffect(() => {
    const element = row.current;
    const watcher = new IntersectionObserver(
      (entries) => setKeptHeight(entries.at(-1)?.isIntersecting ? null : (element?.offsetHeight ?? UNSEEN_HEIGHT)),
      { root: element?.closest(".matrix") ?? null, rootMargin: "400px" },
    );
    if (element) watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  const { variants = [], inputs = [] } = comparison.head.value ?? {};
  const variables = inputs[input] ?? [];
  return (
    <tr ref={row} style={keptHeight === null ? {} : { height: `${keptHeight}px` }}>
      <th scope="row" class="input">
        <Variables variables={variables} />
      </th>
      {variants.map(({ label }, column) =>
        keptHeight === null ? (
          <AnswerCell key={label} comparison={comparison} input={input} column={column} judge={judge} />
        ) : (
          <td key={label} />
        ),
      )}
    </tr>
  );
}

function Variables({ variables }: { variables: readonly (readonly [string, string])[] }): JSX.Element {
  if (variables.length === 0) return <span class="faint">no variables</span>;
  return (
    <dl class="variables">
      {variables.map(([name, value]) => (
        <div key={name}>
          {variables.length > 1 && <dt>{visibleName(name)}</dt>}
          <dd title={visibleText(value)}>{visibleText(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
