import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchCharts } from "../../src/ui/charts.ts";

type Listener = (told: unknown) => void;

let controller: AbortController;
let asked: string[];

beforeEach(() => {
  controller = new AbortController();
  asked = [];
  document.body.replaceChildren();
  watchCharts(document, "ours", (text) => asked.push(text), controller.signal);
});

afterEach(() => controller.abort());

interface Drawn {
  click: (point: unknown) => void;
  tell: (event: string, told: unknown) => void;
  listeners: Set<Listener>;
}

/** What plotly.js makes of an element: a class, the layout, and its events. */
function draw(element: HTMLElement, kernel: string, isOverTime = false): Drawn {
  const listeners = new Set<Listener>();
  const others = new Map<string, Listener>();
  element.className = "js-plotly-plot";
  Object.assign(element, {
    layout: { meta: { nbtrace: { kernel, find: { "gpt-4o": "model:gpt-4o" }, isOverTime } } },
    on: (event: string, listener: Listener) =>
      event === "plotly_click" ? listeners.add(listener) : others.set(event, listener),
    removeListener: (event: string, listener: Listener) => listeners.delete(listener) || others.delete(event),
  });
  element.append(document.createElement("svg"));
  const click = (point: unknown): void => {
    for (const listener of listeners) listener({ points: [point] });
  };
  return { click, listeners, tell: (event, told) => others.get(event)?.(told) };
}

function place(): HTMLElement {
  const element = document.createElement("div");
  document.body.append(element);
  return element;
}

test("a click on a bar, or on a line, asks for its group once, however often the page changes", async () => {
  const chart = draw(place(), "ours");
  await vi.waitFor(() => expect(chart.listeners.size).toBe(1));
  place();
  await new Promise((done) => setTimeout(done, 20));
  chart.click({ y: "gpt-4o", data: {} });
  chart.click({ x: "2026-01-01", y: 3, data: { name: "gpt-4o" } });
  expect(asked).toEqual(["model:gpt-4o", "model:gpt-4o"]);
  expect(chart.listeners.size).toBe(1);
});

test("what is no group of ours asks for nothing", async () => {
  const [chart, other] = [draw(place(), "ours"), draw(place(), "another kernel")];
  await vi.waitFor(() => expect(chart.listeners.size).toBe(1));
  for (const point of [{ y: "constructor" }, { y: "x" }, {}, { y: { toString: () => "gpt-4o" } }]) chart.click(point);
  expect([asked, other.listeners.size]).toEqual([[], 0]);
});

test("zooming to a stretch of time, or selecting one, asks for it, and zooming out for all", async () => {
  const [chart, still] = [draw(place(), "ours", true), draw(place(), "ours")];
  await vi.waitFor(() => expect(chart.listeners.size + still.listeners.size).toBe(2));
  const [from, to] = ["2026-11-25 09:00:30.5", "2026-11-25 10:00"];
  const stretch = "since:2026-11-25T09:00:30.5 until:2026-11-25T10:00";
  chart.tell("plotly_relayout", { "xaxis.autorange": true });
  chart.tell("plotly_relayout", { "yaxis.range[0]": 0, "xaxis2.range[0]": from, "xaxis2.range[1]": to });
  chart.tell("plotly_relayout", { "xaxis.autorange": true, "yaxis.autorange": true });
  chart.tell("plotly_selected", { points: [], range: { x3: [to, from], y3: [0, 4] } });
  expect(asked).toEqual([stretch, "", stretch]);
  still.tell("plotly_relayout", { "xaxis.range[0]": from, "xaxis.range[1]": to });
  const junk = { "xaxis.range[0]": "2026-11-25 or model:x", "xaxis.range[1]": 7 };
  for (const told of [undefined, { width: 700 }, { "xaxis.title": from }, junk]) chart.tell("plotly_relayout", told);
  chart.tell("plotly_selected", undefined);
  expect(asked.length).toBe(3);
});

test("a chart that is drawn anew is heard again, and none once the widget is gone", async () => {
  const element = place();
  const first = draw(element, "ours");
  await vi.waitFor(() => expect(first.listeners.size).toBe(1));
  const second = draw(element, "ours");
  await vi.waitFor(() => expect(second.listeners.size).toBe(1));
  controller.abort();
  expect(second.listeners.size).toBe(0);
});
