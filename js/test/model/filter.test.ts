import { describe, expect, test } from "vitest";
import {
  IN_MESSAGES,
  IN_NAMES,
  passing,
  placesOf,
  visibleRows,
  withAncestors,
  withFound,
} from "../../src/model/filter.ts";
import { forestOf } from "../../src/model/forest.ts";
import { RowIndex, rowOfSpan, spanIdAt, traceIdAt } from "../../src/model/ids.ts";
import { treeFixture } from "../fixtures.ts";
import { treeOf } from "../trees.ts";

const tree = treeFixture();
const forest = forestOf(tree);
const whole = { first: 0, end: tree.length };
const marked = (flags: Uint8Array): number[] => Array.from(flags.keys()).filter((row) => flags[row]);

describe("text", () => {
  test.each([
    ["gpt-4o-mini", [4, 6, 9, 10]],
    ["RATELIMIT", [8]],
    ["question =", [0]],
    ["0000000000000008", [7]],
    ["nowhere", []],
    ["  ", []],
  ])("%s is found in names, models, errors, titles and ids", (text, rows) => {
    expect(marked(placesOf(tree, text))).toEqual(rows);
  });

  test("what the kernel found is added", () => {
    const found = {
      spanId: tree.spanId.slice(16, 24),
      traceId: tree.traceId.slice(32, 48),
      places: Uint8Array.of(IN_MESSAGES),
    };
    const both = withFound(placesOf(tree, "retrieval"), found, new RowIndex(tree));
    expect([both[2], both[3]]).toEqual([IN_MESSAGES, IN_NAMES]);
  });
});

describe("filters", () => {
  test.each([
    ["errors", [8]],
    ["llm", [2, 4, 6, 7, 8, 9, 10]],
    ["slow", [6]],
    ["path", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
  ] as const)("%s", (filter, rows) => {
    expect(marked(passing(tree, forest, whole, filter))).toEqual(rows);
  });

  test("nothing is slow among equals, and a running span is not slow yet", () => {
    const same = treeOf([{}, {}, {}, { ms: Number.NaN }]);
    expect(marked(passing(same, forestOf(same), { first: 0, end: 4 }, "slow"))).toEqual([]);
  });
});

describe("rows", () => {
  const flags = (...rows: number[]): Uint8Array =>
    Uint8Array.from({ length: tree.length }, (_, row) => (rows.includes(row) ? 1 : 0));

  test("a collapsed row hides what is below it", () => {
    expect(Array.from(visibleRows(forest, whole, flags(1), null))).toEqual([0, 1, 7, 8, 9, 10]);
  });

  test("of a filtered tree the ancestors stay", () => {
    const kept = withAncestors(flags(3, 8), tree, whole);
    expect(Array.from(visibleRows(forest, whole, flags(), kept))).toEqual([0, 1, 3, 8]);
    expect(Array.from(visibleRows(forest, whole, flags(1), kept))).toEqual([0, 1, 8]);
  });
});

test("rows are found by their ids, of several with the same ids the first", () => {
  const twice = treeOf([{ span: 7 }, { span: 8 }, { span: 7 }, { span: 7, trace: 2 }]);
  const index = new RowIndex(twice);
  expect([0, 1, 2, 3].map((row) => index.find(twice.spanId, twice.traceId, row))).toEqual([0, 1, 0, 3]);
  expect(new RowIndex(treeOf([])).find(twice.spanId, twice.traceId, 0)).toBe(-1);
  expect([rowOfSpan(twice, spanIdAt(twice, 1)), rowOfSpan(twice, "00000000000000ff"), rowOfSpan(twice, "<b>")]).toEqual(
    [1, -1, -1],
  );
  expect(traceIdAt(twice, 3)).toBe("00000000000000000000000000000002");
});
