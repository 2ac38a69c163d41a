/** The line that says what the trace holds. */

import type { JSX } from "preact";
import type { Explorer, Kernel } from "../model/explorer.ts";
import * as text from "../model/text.ts";
import { totalsOf } from "../model/totals.ts";

const NOTICES: Record<Kernel, string | null> = {
  answering: null,
  busy: "Kernel busy. This loads as soon as it answers.",
  gone: "No kernel. Run the cell again to look into this trace.",
};

export function Header({ explorer }: { explorer: Explorer }): JSX.Element {
  const tree = explorer.tree.value;
  const notice = NOTICES[explorer.kernel.value];
  return (
    <div class="header">
      {tree && <Facts facts={factsOf(totalsOf(tree))} />}
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
  look?: "main" | "failed" | "running";
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

function factsOf(totals: ReturnType<typeof totalsOf>): Fact[] {
  const { costUsd, unpriced, estimated, errors, running } = totals;
  const tokens = text.flow(totals.inputTokens, totals.outputTokens);
  const facts: Fact[] = [{ text: text.counted(totals.spans, "span"), look: "main" }];
  if (totals.calls) facts.push({ text: text.counted(totals.calls, "LLM call") });
  facts.push({ text: text.duration(totals.durationMs * 1e6) });
  if (tokens) facts.push({ text: `${tokens} tokens` });
  if (costUsd !== null) facts.push({ text: text.cost(costUsd, estimated ? "estimated" : "priced") });
  if (estimated) facts.push({ text: `${estimated} estimated` });
  if (unpriced) facts.push({ text: costUsd === null ? text.UNPRICED : `${unpriced} ${text.UNPRICED}` });
  if (errors) facts.push({ text: text.counted(errors, "error"), look: "failed" });
  if (running) facts.push({ text: `${running} running`, look: "running" });
  return facts;
}
