/** The whole trace view: header, tree, and the open span beside or below it. */

import { type JSX, render } from "preact";
import type { Explorer } from "../model/explorer.ts";
import { keepPlainKeys } from "../ui/keyboard.ts";
import css from "../ui/theme.css?inline";
import { followTheme } from "../ui/theme.ts";
import { DetailPanel } from "./detail.tsx";
import { Header } from "./header.tsx";
import { TreeGrid } from "./tree-grid.tsx";

export interface TraceViewOptions {
  explorer: Explorer;
  /** Tallest that the view gets, in pixels. */
  height: { readonly value: number };
  signal: AbortSignal;
}

/** Draws the view into an element, in a shadow root of its own, until the signal aborts. */
export function mountTraceView(element: HTMLElement, { explorer, height, signal }: TraceViewOptions): void {
  const host = document.createElement("div");
  element.append(host);
  keepPlainKeys(host, signal);
  const root = host.attachShadow({ mode: "open" });
  const style = document.createElement("style");
  style.textContent = css;
  const frame = document.createElement("div");
  frame.className = "nbtrace";
  root.append(style, frame);
  followTheme(frame, signal);
  render(<TraceView explorer={explorer} height={height} />, frame);
  signal.addEventListener(
    "abort",
    () => {
      render(null, frame);
      host.remove();
    },
    { once: true },
  );
}

function TraceView({ explorer, height }: Omit<TraceViewOptions, "signal">): JSX.Element {
  const tree = explorer.tree.value;
  const isOpen = explorer.selected.value !== null && tree !== null;
  const failure = explorer.failure.value;
  const size = `${height.value}px`;
  return (
    <>
      <Header explorer={explorer} />
      {failure !== null && (
        <p class="plain" role="alert">
          {failure}
        </p>
      )}
      {tree?.length === 0 && <p class="plain faint">No spans yet.</p>}
      {tree !== null && tree.length > 0 && (
        <div class={`body ${isOpen ? "open" : ""}`} style={isOpen ? { height: size } : { maxHeight: size }}>
          <TreeGrid explorer={explorer} />
          {isOpen && <DetailPanel explorer={explorer} />}
        </div>
      )}
    </>
  );
}
