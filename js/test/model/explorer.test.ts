import { beforeEach, describe, expect, test } from "vitest";
import { ERROR } from "../../src/model/columns.ts";
import { Explorer } from "../../src/model/explorer.ts";
import { treeFixture } from "../fixtures.ts";
import { treeOf } from "../trees.ts";

let explorer: Explorer;
const rows = () => Array.from(explorer.rows.value);

beforeEach(() => {
  explorer = new Explorer();
  explorer.show(treeFixture());
});

test("the cursor moves over shown rows and stops at the ends", () => {
  const visited = [explorer.cursorIndex.value];
  for (const move of [() => explorer.walk.by(1), () => explorer.walk.by(3), () => explorer.walk.by(-99)]) {
    move();
    visited.push(explorer.cursorIndex.value);
  }
  explorer.walk.to(Number.POSITIVE_INFINITY);
  expect([...visited, explorer.cursorIndex.value]).toEqual([-1, 0, 3, 0, 10]);
});

test("left collapses, then climbs; right expands, then descends", () => {
  explorer.walk.to(4);
  explorer.walk.out();
  expect(explorer.cursorIndex.value).toBe(1);
  explorer.walk.out();
  expect(rows()).toEqual([0, 1, 7, 8, 9, 10]);
  explorer.walk.in();
  expect(rows().length).toBe(11);
  explorer.walk.in();
  expect(explorer.cursorIndex.value).toBe(2);
  explorer.walk.in();
  expect(explorer.cursorIndex.value).toBe(2);
});

test("a row without children does not collapse; all rows do at once", () => {
  explorer.folds.toggle(3);
  expect(rows().length).toBe(11);
  explorer.folds.toggleAll(true);
  expect(rows()).toEqual([0]);
  explorer.folds.toggleAll(false);
  expect(rows().length).toBe(11);
});

test("a hidden cursor acts as its shown ancestor", () => {
  explorer.walk.to(5);
  explorer.folds.toggle(1);
  expect(explorer.cursorIndex.value).toBe(1);
});

test("a newer tree keeps cursor, selection and collapsed rows, wherever they are now", () => {
  explorer = new Explorer();
  explorer.show(treeOf([{ span: 1 }, { parent: 0, span: 2 }, { parent: 1, span: 3 }, { parent: 0, span: 4 }]));
  explorer.folds.toggle(1);
  explorer.openRow(3);
  explorer.show(
    treeOf([{ span: 9 }, { span: 1 }, { parent: 1, span: 2 }, { parent: 2, span: 3 }, { parent: 1, span: 4 }]),
  );
  expect([rows(), explorer.selected.value?.spanId, explorer.cursorIndex.value]).toEqual([
    [0, 1, 2, 4],
    "0000000000000004",
    3,
  ]);
});

test("closing keeps the cursor", () => {
  explorer.select("0000000000000008");
  explorer.close();
  expect([explorer.selected.value, explorer.cursor.value]).toEqual([null, 7]);
});

test("a span that was asked for is opened as soon as it is there", () => {
  explorer = new Explorer();
  explorer.select("0000000000000008");
  expect(explorer.selected.value).toEqual({ traceId: "", spanId: "0000000000000008" });
  explorer.show(treeFixture());
  expect([explorer.selected.value?.traceId, explorer.cursor.value]).toEqual(["0af7651916cd43dd8448eb211c80319c", 7]);
});

describe("finding", () => {
  test("filters keep matches with their ancestors, and count them", () => {
    explorer.finding.toggleFilter("errors");
    expect([
      rows(),
      explorer.finding.matches.value?.count,
      explorer.finding.isMatch(0),
      explorer.finding.isMatch(8),
    ]).toEqual([[0, 8], 1, false, true]);
    explorer.finding.toggleFilter("llm");
    explorer.finding.toggleFilter("errors");
    expect([rows().length, explorer.finding.matches.value?.count]).toEqual([9, 7]);
    explorer.finding.isOnlyMatches.value = false;
    expect(rows().length).toBe(11);
    explorer.finding.showAll();
    expect([rows().length, explorer.finding.matches.value]).toEqual([11, null]);
  });

  test("text and filters are met together, and what was collapsed is searched too", () => {
    explorer.folds.toggle(1);
    explorer.finding.lookFor("gpt-4o-mini");
    expect(rows()).toEqual([0, 1, 4, 6, 9, 10]);
    explorer.finding.toggleFilter("slow");
    expect(rows()).toEqual([0, 1, 6]);
    explorer.finding.showAll();
    expect(rows()).toEqual([0, 1, 7, 8, 9, 10]);
  });

  test("a message's text counts once the kernel has found it, until the text changes", () => {
    const tree = treeFixture();
    explorer.finding.lookFor("umbrella");
    expect(rows()).toEqual([0]);
    explorer.finding.found.value = {
      spanId: tree.spanId.slice(7 * 8, 8 * 8),
      traceId: tree.traceId.slice(0, 16),
      places: Uint8Array.of(1),
    };
    expect(rows()).toEqual([0, 7]);
    explorer.finding.lookFor("umbrella!");
    expect(explorer.finding.found.value).toBeNull();
  });

  test("seeking goes from match to match, into what is collapsed, and stays at the last", () => {
    explorer.folds.toggle(1);
    explorer.walk.to(0);
    const isCall = (row: number): boolean => explorer.tree.value?.type.at(row) === "llm";
    const visited = [1, 1, 1, 1, 1, 1, 1].map((step) => {
      explorer.walk.seek(isCall, step as 1);
      return explorer.cursor.value;
    });
    explorer.walk.seek((row) => ((explorer.tree.value?.flags[row] ?? 0) & ERROR) !== 0, -1);
    expect([visited, explorer.cursor.value, rows().length]).toEqual([[4, 6, 7, 8, 9, 10, 10], 8, 11]);
  });
});

describe("time", () => {
  test("zooming, panning and fitting stay within the trace", () => {
    expect(explorer.time.view.value).toEqual({ fromMs: 0, toMs: 4140 });
    explorer.time.zoomBy(0.5);
    expect(explorer.time.view.value).toEqual({ fromMs: 1035, toMs: 3105 });
    explorer.time.panBy(9);
    expect(explorer.time.view.value).toEqual({ fromMs: 2070, toMs: 4140 });
    explorer.walk.to(1);
    explorer.time.zoomToRow(explorer.cursor.value);
    expect(explorer.time.view.value.toMs).toBeCloseTo(3011.84);
    explorer.time.zoomBy(9);
    expect(explorer.time.zoom.value).toBeNull();
  });
});

describe("a list of traces", () => {
  beforeEach(() => {
    explorer = new Explorer({ hasList: true });
    explorer.show(treeFixture("session.arrow"));
  });

  test("opening a trace shows its rows, its time and its sums only", () => {
    expect([explorer.isListing.value, rows()]).toEqual([true, []]);
    explorer.enterTrace(explorer.forest.value?.traces[1] ?? 0);
    const { first, end } = explorer.range.value;
    expect([rows().length, end - first, explorer.time.axis.value]).toEqual([
      13,
      13,
      { fromMs: 120_000, toMs: 124_435 },
    ]);
    explorer.walk.to(0);
    explorer.folds.toggle(first);
    explorer.walk.out();
    expect(explorer.isListing.value).toBe(true);
  });

  test("a span opens the trace it is in, and a trace is asked for by its id", () => {
    explorer.select("5e55000000000012");
    const id = explorer.selectedTrace.value;
    expect([explorer.isListing.value, id]).toEqual([false, "a11ce000000000000000000000000002"]);
    explorer.selectTrace(null);
    expect(explorer.isListing.value).toBe(true);
    const other = new Explorer({ hasList: true });
    other.selectTrace(id);
    other.show(treeFixture("session.arrow"));
    expect(other.selectedTrace.value).toBe(id);
  });
});

test("without a tree nothing moves", () => {
  explorer = new Explorer();
  explorer.walk.by(1);
  explorer.walk.in();
  explorer.walk.out();
  explorer.folds.toggle(0);
  explorer.time.zoomToRow(explorer.cursor.value);
  expect([explorer.cursor.value, rows()]).toEqual([-1, []]);
});
