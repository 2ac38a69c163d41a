/** The whole view: what is shown, search, the list of traces or a tree, and the open span beside or below it. */

import { type JSX, render } from "preact";
import type { Explorer } from "../model/explorer.ts";
import { openFrame } from "../ui/frame.ts";
import { isCombination } from "../ui/keyboard.ts";
import { css } from "../ui/style.ts";
import { DetailPanel } from "./detail/panel.tsx";
import { Header } from "./header.tsx";
import { Help, labelKeys } from "./help.tsx";
import { act, KEYS } from "./keys.ts";
import { Minimap } from "./minimap.tsx";
import { MatchLine, Toolbar, Tools } from "./toolbar.tsx";
import { TreeGrid } from "./tree-grid.tsx";
import { TreeList } from "./tree-list.tsx";

export interface TraceViewOptions {
  explorer: Explorer;
  /** Tallest that the view gets, in pixels. */
  height: { readonly value: number };
  signal: AbortSignal;
}

/** Draws the view into an element, in a shadow root of its own, until the signal aborts. */
export function mountTraceView(element: HTMLElement, { explorer, height, signal }: TraceViewOptions): void {
  const frame = openFrame(element, { css, className: "nbtrace", signal }, (left) => render(null, left));
  frame.addEventListener("keydown", (event) => onKey(event, frame, explorer));
  render(<TraceView explorer={explorer} height={height} />, frame);
}

/** Keys that act wherever in the view the focus is. */
function onKey(event: KeyboardEvent, frame: HTMLElement, explorer: Explorer): void {
  if (isCombination(event)) return;
  const target = event.target as HTMLElement;
  const isTyping = target.closest("input, textarea") !== null;
  const focus = (selector: string): void => frame.querySelector<HTMLElement>(selector)?.focus();
  if (event.key === "Escape") back(isTyping, explorer, focus);
  else if (isTyping) return;
  else if (event.key === "/") {
    explorer.finding.openToolbar(true);
    setTimeout(() => focus("input[type=search]"));
  } else if (!act(event.key, false, explorer, 0)) return;
  event.preventDefault();
  event.stopPropagation();
}

/** Undoes one thing: the search, the open span, the open trace. */
function back(isTyping: boolean, explorer: Explorer, focus: (selector: string) => void): void {
  if (isTyping && explorer.finding.text.value) explorer.finding.lookFor("");
  else if (isTyping) focus(".tree");
  else if (explorer.isOpen.value) {
    explorer.close();
    focus(".tree");
  } else if (explorer.hasList) explorer.leaveTrace();
}

/** Names the columns for which there is no room; which those are, tree.css says. */
function LeftOut({ isList }: { isList: boolean }): JSX.Element {
  const words = isList
    ? ["When, calls and cost need", "When, calls, tokens and cost need", "When, calls, tokens and cost need"]
    : ["Cost needs", "Tokens and cost need", "Tokens, cost and the bars need"];
  return (
    <p class="left-out">
      {[619, 519, 299].map((width, at) => (
        <b key={width} class={`from-${width}`}>
          {words[at]}
        </b>
      ))}{" "}
      {isList ? "more room." : "more room; a span's details have the figures."}
    </p>
  );
}

function TraceView({ explorer, height }: Omit<TraceViewOptions, "signal">): JSX.Element {
  const tree = explorer.tree.value;
  const hasSpans = tree !== null && tree.length > 0;
  const isOpen = explorer.selected.value !== null && hasSpans;
  const failure = explorer.failure.value;
  const size = `${height.value}px`;
  return (
    <>
      <div class="top">
        <Header explorer={explorer} />
        {hasSpans && <Tools explorer={explorer} />}
      </div>
      {hasSpans && explorer.finding.isToolbarOpen.value && <Toolbar explorer={explorer} />}
      {failure !== null && (
        <p class="plain" role="alert">
          {failure}
        </p>
      )}
      {tree?.length === 0 && <p class="plain faint">No spans yet.</p>}
      <MatchLine explorer={explorer} />
      {hasSpans && (
        <div class={`body ${isOpen ? "open" : ""}`} style={isOpen ? { height: size } : { maxHeight: size }}>
          <div class="tree-side">
            {explorer.isListing.value ? (
              <TreeList explorer={explorer} />
            ) : (
              <>
                <Minimap explorer={explorer} />
                <TreeGrid explorer={explorer} />
              </>
            )}
            <LeftOut isList={explorer.isListing.value} />
          </div>
          {isOpen && <DetailPanel explorer={explorer} />}
        </div>
      )}
      {explorer.isHelpOpen.value && (
        <Help
          groups={[...labelKeys(explorer.judging.labels), ...KEYS]}
          onClose={() => {
            explorer.isHelpOpen.value = false;
          }}
        />
      )}
    </>
  );
}
