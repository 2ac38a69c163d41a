import { beforeEach, expect, test } from "vitest";
import { Explorer } from "../../src/model/explorer.ts";
import { treeFixture } from "../fixtures.ts";

let explorer: Explorer;
const rows = () => Array.from(explorer.rows.value);

beforeEach(() => {
  explorer = new Explorer();
  explorer.show(treeFixture());
});

test("the cursor moves over shown rows and stops at the ends", () => {
  const visited = [explorer.cursorIndex.value];
  for (const move of [() => explorer.moveBy(1), () => explorer.moveBy(3), () => explorer.moveBy(-99)]) {
    move();
    visited.push(explorer.cursorIndex.value);
  }
  explorer.moveTo(Number.POSITIVE_INFINITY);
  expect([...visited, explorer.cursorIndex.value]).toEqual([-1, 0, 3, 0, 10]);
});

test("left collapses, then climbs; right expands, then descends", () => {
  explorer.moveTo(4);
  explorer.moveOut();
  expect(explorer.cursorIndex.value).toBe(1);
  explorer.moveOut();
  expect(rows()).toEqual([0, 1, 7, 8, 9, 10]);
  explorer.moveIn();
  expect(rows().length).toBe(11);
  explorer.moveIn();
  expect(explorer.cursorIndex.value).toBe(2);
  explorer.moveIn();
  expect(explorer.cursorIndex.value).toBe(2);
});

test("a row without children does not collapse", () => {
  explorer.toggle(3);
  expect(rows().length).toBe(11);
});

test("a hidden cursor acts as its shown ancestor", () => {
  explorer.moveTo(5);
  explorer.toggle(1);
  expect(explorer.cursorIndex.value).toBe(1);
});

test("a newer tree keeps cursor, selection and collapsed rows", () => {
  explorer.toggle(1);
  explorer.select("0000000000000008");
  explorer.show(treeFixture());
  expect([rows(), explorer.selected.value, explorer.cursorIndex.value]).toEqual([
    [0, 1, 7, 8, 9, 10],
    "0000000000000008",
    2,
  ]);
});

test("closing keeps the cursor", () => {
  explorer.select("0000000000000008");
  explorer.select(null);
  expect([explorer.selected.value, explorer.cursor.value]).toEqual([null, "0000000000000008"]);
});

test("without a tree nothing moves", () => {
  explorer = new Explorer();
  explorer.moveBy(1);
  explorer.moveIn();
  explorer.moveOut();
  explorer.toggle(0);
  expect([explorer.cursor.value, rows()]).toEqual([null, []]);
});
