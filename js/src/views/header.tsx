/** The line that says what is shown, and the way back to the list. */

import type { JSX } from "preact";
import type { Explorer, Kernel } from "../model/explorer.ts";
import type { Sum } from "../model/sums.ts";
import * as text from "../model/text.ts";
import { visibleName } from "../model/visible.ts";
import { BackIcon } from "../ui/icons.tsx";

const NOTICES: Record<Kernel, string | null> = {
  answering: null,
  busy: "Kernel busy. This loads as soon as it answers.",
  gone: "No kernel. Run the cell again to look into this trace.",
};

export function Header({ explorer }: { explorer: Explorer }): JSX.Element {
  const tree = explorer.tree.value;
  const notice = NOTICES[explorer.kernel.value];
  const isInTrace = explorer.hasList && !explorer.isListing.value;
  return (
    <div class="header">
      {isInTrace && (
        <button
          type="button"
          class="button icon-button back"
          title="All traces"
          aria-label="All traces"
          onClick={() => explorer.leaveTrace()}
        >
          <BackIcon />
        </button>
      )}
      {isInTrace && tree && (
        <bdi class="crumb" title={visibleName(tree.name.at(explorer.openTrace.value))}>
          {visibleName(tree.name.at(explorer.openTrace.value))}
        </bdi>
      )}
      {tree && <Facts facts={factsOf(explorer)} />}
      {explorer.judging.rated.value && (
        <span class="notice rated" role="status">
          {visibleName(explorer.judging.rated.value)}
        </span>
      )}
      {notice && (
        <span class="notice" role="status">
          {notice}
        </span>
      )}
    </div>
  );
}

interface Fact {
  text: string;
  look?: "main" | "failed" | "running" | "streaming" | "unfinished" | "interrupted";
}

function Facts({ facts }: { facts: Fact[] }): JSX.Element {
  return (
    <ul class="facts">
      {facts.map((fact) => (
        <li key={fact.text} class={fact.look}>
          {fact.text}
        </li>
      ))}
    </ul>
  );
}

function factsOf(explorer: Explorer): Fact[] {
  const [tree, forest, sums] = [explorer.tree.value, explorer.forest.value, explorer.sums.value];
  if (!tree || !forest || !sums) return [];
  const isListing = explorer.isListing.value;
  const { first, end } = isListing ? { first: 0, end: tree.length } : explorer.range.value;
  const { fromMs, toMs } = explorer.time.axis.value;
  const facts: Fact[] = isListing
    ? [
        { text: text.counted(forest.traces.length - 1, "trace"), look: "main" },
        { text: text.counted(tree.length, "span") },
      ]
    : [{ text: text.counted(end - first, "span"), look: "main" }];
  const durationMs = isListing || first === end ? null : toMs - fromMs;
  return [...facts, ...sumFacts(sums.of(first, end), durationMs, explorer.isStill)];
}

function sumFacts(sum: Sum, durationMs: number | null, isStill: boolean): Fact[] {
  const { costUsd, unpriced, estimated, replayed, errors } = sum;
  const tokens = text.flow(sum.inputTokens, sum.outputTokens);
  const facts: Fact[] = [];
  if (sum.calls) facts.push({ text: text.counted(sum.calls, "LLM call") });
  if (durationMs !== null) facts.push({ text: text.duration(durationMs * 1e6) });
  if (tokens) facts.push({ text: `${tokens} tokens` });
  if (costUsd !== null) facts.push({ text: text.cost(costUsd, estimated ? "estimated" : "priced") });
  if (estimated) facts.push({ text: `${text.tokens(estimated)} estimated` });
  if (unpriced) facts.push({ text: costUsd === null ? text.UNPRICED : `${text.tokens(unpriced)} ${text.UNPRICED}` });
  if (replayed) facts.push({ text: `${text.tokens(replayed)} ${text.REPLAYED}` });
  if (errors) facts.push({ text: text.counted(errors, "error"), look: "failed" });
  for (const state of ["running", "streaming", "unfinished", "interrupted"] as const) {
    const words = isStill && (state === "running" || state === "streaming") ? `${state} when exported` : state;
    if (sum[state]) facts.push({ text: `${text.tokens(sum[state])} ${words}`, look: state });
  }
  return facts;
}
