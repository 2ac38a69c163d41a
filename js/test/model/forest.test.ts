import { expect, test } from "vitest";
import { childrenOf, forestOf, lastAtOrBefore, traceOf } from "../../src/model/forest.ts";
import { treeFixture } from "../fixtures.ts";
import { treeOf } from "../trees.ts";

test("the shape of the fixture's tree", () => {
  const forest = forestOf(treeFixture());
  expect(Object.fromEntries(Object.entries(forest).map(([name, values]) => [name, Array.from(values)]))).toEqual({
    depth: [0, 1, 2, 2, 2, 2, 2, 1, 1, 1, 1],
    ends: [11, 7, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    places: [1, 1, 1, 2, 3, 4, 5, 2, 3, 4, 5],
    childCount: [5, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    endMs: [4140, 2900, 148, 204, 980, 1310, 2890, 3610, 3702, 4120, 4130],
    traces: [0, 11],
    rootCounts: [1],
  });
  expect(childrenOf(forest, 0)).toEqual([1, 7, 8, 9, 10]);
});

test("a trace may have several roots, and a child may outlive its parent", () => {
  const forest = forestOf(treeOf([{ ms: 5 }, { parent: 0, start: 2, ms: 9 }, {}, { trace: 2 }]));
  expect([
    Array.from(forest.places),
    Array.from(forest.traces),
    Array.from(forest.rootCounts),
    forest.endMs[0],
  ]).toEqual([[1, 1, 2, 1], [0, 3, 4], [2, 1], 11]);
  expect([0, 1, 2, 3].map((row) => traceOf(forest, row))).toEqual([0, 0, 0, 1]);
});

test("no span is no trace", () => {
  expect(Array.from(forestOf(treeOf([])).traces)).toEqual([0]);
});

test("depth is no recursion", () => {
  const count = 20_000;
  const forest = forestOf(treeOf(Array.from({ length: count }, (_, row) => ({ parent: row - 1 }))));
  expect([forest.depth[count - 1], forest.ends[0], forest.ends[count - 1]]).toEqual([count - 1, count, count]);
});

test("a row is found in a sorted list, or the last before it", () => {
  const rows = Int32Array.from([0, 3, 7]);
  expect([0, 2, 3, 6, 7, 99].map((row) => lastAtOrBefore(rows, row))).toEqual([0, 0, 1, 1, 2, 2]);
});
