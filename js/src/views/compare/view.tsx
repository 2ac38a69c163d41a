/** The whole compare view: what it comes to, the table of answers, and the trace of the one that is opened. */

import { effect } from "@preact/signals";
import { type JSX, render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Comparison, Run } from "../../model/comparison.ts";
import { Explorer } from "../../model/explorer.ts";
import type { Judge } from "../../model/labels.ts";
import { visibleText } from "../../model/visible.ts";
import { compareCss } from "../../ui/compare-style.ts";
import { openFrame } from "../../ui/frame.ts";
import { CloseIcon } from "../../ui/icons.tsx";
import { isCombination } from "../../ui/keyboard.ts";
import { feed } from "../../widgets/feed.ts";
import type { MessageModel } from "../../wire/channel.ts";
import { Help, labelKeys } from "../help.tsx";
import { mountTraceView } from "../trace-view.tsx";
import { Grid } from "./grid.tsx";
import { KEYS, keyed } from "./keys.ts";
import { CompareToolbar } from "./toolbar.tsx";

export interface CompareViewOptions {
  comparison: Comparison;
  /** Tallest that the table gets, in pixels. */
  height: { readonly value: number };
  /** By which the trace of a call is asked for. */
  model: MessageModel;
  judge: Judge;
  signal: AbortSignal;
}

/** Draws the view into an element, in a shadow root of its own, until the signal aborts. */
export function mountCompareView(element: HTMLElement, options: CompareViewOptions): void {
  const { comparison, signal } = options;
  const frame = openFrame(element, { css: compareCss, className: "nbtrace compare", signal }, (left) =>
    render(null, left),
  );
  frame.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    const isElsewhere = target.closest("select, input, textarea, .opened") !== null;
    if (isCombination(event) || isElsewhere || !keyed(event.key, comparison, options.judge)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  render(<CompareView {...options} />, frame);
}

function CompareView({ comparison, height, model, judge }: CompareViewOptions): JSX.Element {
  const head = comparison.head.value;
  const failure = comparison.failure.value;
  const open = comparison.open.value;
  return (
    <>
      <CompareToolbar comparison={comparison} />
      {failure !== null && (
        <p class="plain" role="alert">
          {failure}
        </p>
      )}
      {head && head.sentences.length > 0 && (
        <ul class="verdict">
          {head.sentences.map((sentence) => (
            <li key={sentence}>{visibleText(sentence)}</li>
          ))}
        </ul>
      )}
      {head && <Grid comparison={comparison} height={height} judge={judge} />}
      {open && <OpenTrace key={open.spanId} run={open} comparison={comparison} model={model} />}
      {comparison.isHelpOpen.value && (
        <Help
          groups={[...labelKeys(comparison.labels), ...KEYS]}
          onClose={() => {
            comparison.isHelpOpen.value = false;
          }}
        />
      )}
    </>
  );
}

/** The trace of a run, with the call selected. */
function OpenTrace({ run, comparison, model }: { run: Run; comparison: Comparison; model: MessageModel }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const gone = new AbortController();
    const explorer = new Explorer({ hasList: true });
    explorer.judging.labels = comparison.labels;
    explorer.selectTrace(run.traceId);
    explorer.select(run.spanId);
    if (place.current) mountTraceView(place.current, { explorer, height: { value: 400 }, signal: gone.signal });
    feed(explorer, model, gone.signal).refresh();
    let isSeen = false;
    const stop = effect(() => {
      if (explorer.tree.value === null) return;
      // Whoever goes back to the list of traces wants the table again.
      if (explorer.isListing.value) comparison.open.value = null;
      else if (!isSeen) requestAnimationFrame(() => place.current?.scrollIntoView({ block: "nearest" }));
      isSeen = true;
    });
    return () => {
      stop();
      gone.abort();
    };
  }, [run, comparison, model]);
  const label = comparison.head.value?.variants[run.variant]?.label ?? "";
  return (
    <section class="opened" aria-label="Trace of the call">
      <header>
        <span>
          Trace of <b>{visibleText(label)}</b>, input {run.input + 1}
        </span>
        <button
          type="button"
          class="button icon-button"
          title="Close"
          aria-label="Close the trace"
          onClick={() => {
            comparison.open.value = null;
          }}
        >
          <CloseIcon />
        </button>
      </header>
      <div ref={place} />
    </section>
  );
}
