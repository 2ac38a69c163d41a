/**
 * Charts of this kernel's that the host has drawn somewhere on the page, and what the reader clicks or zooms to in them.
 *
 * A host draws a figure with a plotly.js of its own and tells nobody, but its element has plotly's public `on`, and the
 * figure's `layout.meta` says whose it is and what to look for. The host may draw late or anew, so the page is watched.
 */

import { watchPage } from "./page.ts";

const EVENTS = ["plotly_click", "plotly_relayout", "plotly_selected"] as const;
type Event = (typeof EVENTS)[number];
type Listener = (told: unknown) => void;

interface Chart extends HTMLElement {
  layout?: { meta?: { nbtrace?: { kernel?: unknown; find?: Record<string, unknown>; isOverTime?: unknown } } };
  on?: (event: Event, listener: Listener) => unknown;
  removeListener?: (event: Event, listener: Listener) => unknown;
}

interface Clicked {
  points?: readonly { x?: unknown; y?: unknown; data?: { name?: unknown } }[];
}

/** Calls `onFind` with the text that finds the spans of what was chosen, until the signal aborts. */
export function watchCharts(page: Document, kernel: string, onFind: (text: string) => void, signal: AbortSignal): void {
  /** A chart that is drawn anew may have lost its listeners, and has another `on` then. */
  const heard = new Map<Chart, { on: Chart["on"]; listeners: Record<Event, Listener> }>();

  const look = (): void => {
    for (const chart of heard.keys()) if (!chart.isConnected) heard.delete(chart);
    for (const chart of page.querySelectorAll<Chart>(".js-plotly-plot")) {
      const { on, layout } = chart;
      if (!on || heard.get(chart)?.on === on || layout?.meta?.nbtrace?.kernel !== kernel) continue;
      const listeners = listenersOf(chart, onFind);
      for (const event of EVENTS) on.call(chart, event, listeners[event]);
      heard.set(chart, { on, listeners });
    }
  };

  watchPage(page, look, signal);
  signal.addEventListener(
    "abort",
    () => {
      for (const [chart, { listeners }] of heard)
        for (const event of EVENTS) chart.removeListener?.(event, listeners[event]);
      heard.clear();
    },
    { once: true },
  );
}

function listenersOf(chart: Chart, onFind: (text: string) => void): Record<Event, Listener> {
  const find = (text: string): void => {
    if (text) onFind(text);
  };
  let isZoomed = false;
  return {
    plotly_click: (clicked) => find(textOf(chart, clicked as Clicked)),
    plotly_selected: (selected) => find(stretchOf(chart, (selected as { range?: object } | undefined)?.range)),
    plotly_relayout: (changed) => {
      const text = stretchOf(chart, changed);
      if (text) onFind(text);
      else if (isZoomed && hasAll(changed)) onFind("");
      else return;
      isZoomed = text !== "";
    },
  };
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

/** The stretch of time on the first axis of a change that has one, as the text that finds what began in it. */
function stretchOf(chart: Chart, changed: unknown): string {
  if (!chart.layout?.meta?.nbtrace?.isOverTime || typeof changed !== "object" || changed === null) return "";
  const ends: string[] = [];
  for (const [name, value] of Object.entries(changed)) {
    const known = /^x(?:axis)?\d*(?:\.range(?:\[[01]\])?)?$/.test(name);
    for (const end of known ? [value].flat() : []) if (typeof end === "string" && MOMENT.test(end)) ends.push(end);
  }
  const [from, to] = ends.slice(0, 2).sort();
  return from && to ? `since:${from.replace(" ", "T")} until:${to.replace(" ", "T")}` : "";
}

/** As plotly.js writes a moment of an axis: as much of it as is not zero. */
const MOMENT = /^\d{4}-\d\d-\d\d(?: \d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)?$/;

function hasAll(changed: unknown): boolean {
  return Object.keys(changed ?? {}).some((name) => /^xaxis\d*\.autorange$/.test(name));
}
