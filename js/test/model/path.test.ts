import { expect, test } from "vitest";
import { forestOf } from "../../src/model/forest.ts";
import { criticalPath } from "../../src/model/path.ts";
import { type Row, treeOf } from "../trees.ts";

function path(rows: Row[]): Record<number, number[]> {
  const tree = treeOf(rows);
  return Object.fromEntries(
    [...criticalPath(tree, forestOf(tree), 0, tree.length)].map(([row, times]) => [row, [...times]]),
  );
}

test("of children side by side the one that ends last is on the path", () => {
  expect(
    path([
      { ms: 100 },
      { parent: 0, start: 10, ms: 30 },
      { parent: 0, start: 10, ms: 60 },
      { parent: 0, start: 75, ms: 20 },
    ]),
  ).toEqual({ 0: [95, 100, 70, 75, 0, 10], 2: [10, 70], 3: [75, 95] });
});

test("the path goes through grandchildren and leaves out what nobody waited for", () => {
  expect(
    path([
      { ms: 50 },
      { parent: 0, start: 5, ms: 40 },
      { parent: 1, start: 6, ms: 30 },
      { parent: 1, start: 6, ms: 2 },
      { parent: 0, start: 1, ms: 3 },
    ]),
  ).toEqual({ 0: [45, 50, 4, 5, 0, 1], 1: [36, 45, 5, 6], 2: [6, 36], 4: [1, 4] });
});

test("a child that outlives its parent counts up to the parent's end", () => {
  expect(path([{ ms: 10 }, { parent: 0, start: 4, ms: 20 }])).toEqual({ 0: [0, 4], 1: [4, 10] });
});

test("a running span goes on to the end of its branch", () => {
  expect(path([{ ms: Number.NaN }, { parent: 0, start: 4, ms: 6 }])).toEqual({ 0: [0, 4], 1: [4, 10] });
});

test("roots one after another are all on the path, those beside them are not", () => {
  expect(Object.keys(path([{ ms: 10 }, { start: 2, ms: 5 }, { start: 20, ms: 5 }]))).toEqual(["0", "2"]);
});

test("depth is no recursion", () => {
  const rows = Array.from({ length: 20_000 }, (_, row) => ({ parent: row - 1, start: row, ms: 50_000 - 2 * row }));
  expect(Object.keys(path(rows)).length).toBe(20_000);
});
