import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchCharts } from "../../src/ui/charts.ts";

type Listener = (clicked: unknown) => void;

let controller: AbortController;
let asked: string[];

beforeEach(() => {
  controller = new AbortController();
  asked = [];
  document.body.replaceChildren();
  watchCharts(document, "ours", (text) => asked.push(text), controller.signal);
});

afterEach(() => controller.abort());

/** What plotly.js makes of an element: a class, the layout, and its events. */
function draw(element: HTMLElement, kernel: string): { click: (point: unknown) => void; listeners: Set<Listener> } {
  const listeners = new Set<Listener>();
  element.className = "js-plotly-plot";
  Object.assign(element, {
    layout: { meta: { nbtrace: { kernel, find: { "gpt-4o": "model:gpt-4o" } } } },
    on: (_event: string, listener: Listener) => listeners.add(listener),
    removeListener: (_event: string, listener: Listener) => listeners.delete(listener),
  });
  element.append(document.createElement("svg"));
  const click = (point: unknown): void => {
    for (const listener of listeners) listener({ points: [point] });
  };
  return { click, listeners };
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

test("a chart that is drawn anew is heard again, and none once the widget is gone", async () => {
  const element = place();
  const first = draw(element, "ours");
  await vi.waitFor(() => expect(first.listeners.size).toBe(1));
  const second = draw(element, "ours");
  await vi.waitFor(() => expect(second.listeners.size).toBe(1));
  controller.abort();
  expect(second.listeners.size).toBe(0);
});
