import { expect, test } from "vitest";
import { lastAtOrBefore, shapeOf, visibleRows } from "../../src/model/tree.ts";

const DEPTH = Int32Array.of(0, 1, 2, 2, 1, 0, 1);

test("the shape of a forest follows from the depths", () => {
  const shape = shapeOf(DEPTH);
  expect({
    ends: Array.from(shape.ends),
    parents: Array.from(shape.parents),
    places: Array.from(shape.places),
    rootCount: shape.rootCount,
  }).toEqual({
    ends: [5, 4, 3, 4, 5, 7, 7],
    parents: [-1, 0, 1, 1, 0, -1, 5],
    places: [1, 1, 1, 2, 2, 2, 1],
    rootCount: 2,
  });
});

test("collapsed rows hide all that is below them and nothing else", () => {
  const shape = shapeOf(DEPTH);
  const shown = (...collapsed: number[]) => Array.from(visibleRows(shape, (row) => collapsed.includes(row)));
  expect([shown(), shown(1), shown(0), shown(0, 1, 5)]).toEqual([
    [0, 1, 2, 3, 4, 5, 6],
    [0, 1, 4, 5, 6],
    [0, 5, 6],
    [0, 5],
  ]);
});

test("a hidden row is found at the shown row before it", () => {
  const rows = Int32Array.of(0, 1, 4, 5);
  expect([0, 1, 2, 3, 4, 6].map((row) => lastAtOrBefore(rows, row))).toEqual([0, 1, 1, 1, 2, 3]);
});

test("a hundred thousand rows in one chain have a shape", () => {
  const shape = shapeOf(Int32Array.from({ length: 100_000 }, (_, row) => row));
  expect([shape.ends[0], shape.ends[99_999], shape.parents[99_999]]).toEqual([100_000, 100_000, 99_998]);
});

test("nothing has the shape of nothing", () => {
  expect(Array.from(visibleRows(shapeOf(new Int32Array()), () => true))).toEqual([]);
});
