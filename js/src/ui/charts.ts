/**
 * Charts of this kernel's that the host has drawn somewhere on the page, and what the reader clicks in them.
 *
 * A host draws a figure with a plotly.js of its own and tells nobody, but its element has plotly's public `on`, and the
 * figure's `layout.meta` says whose it is and what to look for. The host may draw late or anew, so the page is watched.
 */

import { watchPage } from "./page.ts";

interface Chart extends HTMLElement {
  layout?: { meta?: { nbtrace?: { kernel?: unknown; find?: Record<string, unknown> } } };
  on?: (event: "plotly_click", listener: (clicked: Clicked) => void) => unknown;
  removeListener?: (event: "plotly_click", listener: (clicked: Clicked) => void) => unknown;
}

interface Clicked {
  points?: readonly { x?: unknown; y?: unknown; data?: { name?: unknown } }[];
}

/** Calls `onFind` with the text that finds the spans of what was clicked, until the signal aborts. */
export function watchCharts(page: Document, kernel: string, onFind: (text: string) => void, signal: AbortSignal): void {
  /** A chart that is drawn anew may have lost its listeners, and has another `on` then. */
  const heard = new Map<Chart, { on: Chart["on"]; listener: (clicked: Clicked) => void }>();

  const look = (): void => {
    for (const chart of heard.keys()) if (!chart.isConnected) heard.delete(chart);
    for (const chart of page.querySelectorAll<Chart>(".js-plotly-plot")) {
      const { on, layout } = chart;
      if (!on || heard.get(chart)?.on === on || layout?.meta?.nbtrace?.kernel !== kernel) continue;
      const listener = (clicked: Clicked): void => {
        const text = textOf(chart, clicked);
        if (text) onFind(text);
      };
      on.call(chart, "plotly_click", listener);
      heard.set(chart, { on, listener });
    }
  };

  watchPage(page, look, signal);
  signal.addEventListener(
    "abort",
    () => {
      for (const [chart, { listener }] of heard) chart.removeListener?.("plotly_click", listener);
      heard.clear();
    },
    { once: true },
  );
}

function textOf(chart: Chart, { points = [] }: Clicked): string {
  const find = chart.layout?.meta?.nbtrace?.find ?? {};
  for (const point of points) {
    for (const label of [point.data?.name, point.y]) {
      const text = typeof label === "string" && Object.hasOwn(find, label) ? find[label] : "";
      if (typeof text === "string" && text) return text;
    }
  }
  return "";
}
