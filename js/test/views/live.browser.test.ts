import { expect, test, vi } from "vitest";
import { CALL, ERROR, ESTIMATED_USAGE, FAILURE, INTERRUPTED, REPLAYED, UNFINISHED } from "../../src/model/columns.ts";
import { Explorer } from "../../src/model/explorer.ts";
import { mountTraceView } from "../../src/views/trace-view.tsx";
import { type Row, treeOf } from "../trees.ts";

const NO_END = Number.NaN;
const STREAM: Row = {
  parent: 0,
  start: 200,
  ms: NO_END,
  name: "chat m",
  type: "llm",
  flags: CALL | UNFINISHED | ESTIMATED_USAGE,
  tokens: [9, 57],
  rate: 71.25,
};

function draw(explorer: Explorer): ShadowRoot {
  const el = document.createElement("div");
  el.style.width = "1000px";
  document.body.replaceChildren(el);
  mountTraceView(el, { explorer, height: { value: 300 }, signal: new AbortController().signal });
  return el.firstElementChild?.shadowRoot as ShadowRoot;
}

const texts = (root: ShadowRoot, selector: string): string[] =>
  Array.from(root.querySelectorAll<HTMLElement>(selector), (one) => one.innerText.trim());

test("a stream that is being read says how long, how much and how fast so far", async () => {
  const explorer = new Explorer();
  const root = draw(explorer);
  explorer.show(treeOf([{ type: "cell", name: "cell [1]", ms: NO_END }, STREAM]));
  await vi.waitFor(() => expect(texts(root, "[aria-level]").length).toBe(2));
  expect(texts(root, "[aria-level] .time")).toEqual(["1.00 s…", "800 ms…"]);
  expect(texts(root, "[aria-level] .tokens")).toEqual(["∑ 9 → 57", "~9 → 57"]);
  expect(texts(root, "[aria-level] .rate")).toEqual(["71 tokens/s"]);
  expect(texts(root, ".facts li").slice(-2)).toEqual(["1 running", "1 streaming"]);
  explorer.openRow(1);
  await vi.waitFor(() => expect(texts(root, ".subtitle")).toEqual(["streaming · 800 ms… · 71 tokens/s so far"]));
});

test("a stream that was left and a call that its kernel's end cut are words of their own", async () => {
  const explorer = new Explorer();
  const root = draw(explorer);
  const cut = { parent: 0, ms: NO_END, flags: CALL | ERROR | INTERRUPTED, errorType: "interrupted" };
  explorer.show(treeOf([{ type: "cell", ms: 1000 }, STREAM, cut]));
  await vi.waitFor(() => expect(texts(root, "[aria-level]").length).toBe(3));
  expect(texts(root, "[aria-level] .time")).toEqual(["1.00 s", "unfinished", "interrupted"]);
  expect(root.querySelectorAll(".rate, .pulse").length).toBe(0);
  expect(texts(root, ".facts li").slice(-2)).toEqual(["1 unfinished", "1 interrupted"]);
});

test("what failed and has not ended runs, and shows its error", async () => {
  const explorer = new Explorer();
  const root = draw(explorer);
  const failing = { parent: 0, start: 200, ms: NO_END, flags: ERROR | FAILURE, errorType: "ValueError" };
  explorer.show(treeOf([{ type: "cell", ms: NO_END }, failing]));
  await vi.waitFor(() => expect(texts(root, "[aria-level] .time")).toEqual(["1.00 s…", "800 ms…"]));
  expect(texts(root, ".mark.own")).toEqual(["ValueError"]);
  expect(root.querySelectorAll(".span-bar.running.failed").length).toBe(1);
  expect(texts(root, ".facts li").slice(-2)).toEqual(["1 error", "2 running"]);
});

test("a replayed call says so where others say what they cost", async () => {
  const explorer = new Explorer();
  const root = draw(explorer);
  const [replayed, paid] = [{ flags: CALL | REPLAYED }, { flags: CALL, cost: 0.5 }];
  explorer.show(treeOf([{ type: "cell" }, { ...replayed, parent: 0 }, { ...paid, parent: 0 }]));
  await vi.waitFor(() => expect(texts(root, "[aria-level]").length).toBe(3));
  expect(texts(root, "[aria-level] .cost")).toEqual(["∑ $0.50", "replayed", "$0.50"]);
  expect(texts(root, ".facts li").slice(-2)).toEqual(["$0.50", "1 replayed"]);
});

test("a newer trace moves neither the list nor its cursor from what one looks at", async () => {
  const explorer = new Explorer({ hasList: true });
  const root = draw(explorer);
  const traces = (count: number): Row[] =>
    Array.from({ length: count }, (_, index) => ({ trace: index + 1, start: index, name: `trace ${index + 1}` }));
  explorer.show(treeOf(traces(40)));
  const list = await vi.waitFor(() => {
    const found = root.querySelector<HTMLElement>("[role=treegrid]");
    expect(found?.querySelectorAll("[aria-level]").length).toBeGreaterThan(5);
    return found as HTMLElement;
  });
  for (const key of ["End", "ArrowUp", "ArrowUp"]) {
    list.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  }
  await vi.waitFor(() => expect(list.scrollTop).toBeGreaterThan(0));
  const cursor = (): string => texts(root, ".row.cursor .label")[0] ?? "";
  const top = (): number => root.querySelector(".row.cursor")?.getBoundingClientRect().top ?? 0;
  await vi.waitFor(() => expect(cursor()).toBe("trace 3"));
  const before = top();
  explorer.show(treeOf(traces(43)));
  await vi.waitFor(() => expect(list.getAttribute("aria-rowcount")).toBe("44"));
  await vi.waitFor(() => expect([cursor(), top()]).toEqual(["trace 3", before]));
});

test("rows that are left for the list are in sight no more, so that nothing is asked of them", async () => {
  const explorer = new Explorer({ hasList: true });
  draw(explorer);
  explorer.show(treeOf([{ type: "cell", ms: NO_END }, STREAM]));
  explorer.enterTrace(0);
  await vi.waitFor(() => expect(Array.from(explorer.previews.inSight.value)).toEqual([0, 1]));
  explorer.leaveTrace();
  await vi.waitFor(() => expect(explorer.previews.inSight.value.length).toBe(0));
});
