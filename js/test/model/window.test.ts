import { expect, test } from "vitest";
import { ROW_HEIGHT, scrollTo, windowOf } from "../../src/model/window.ts";

test("only the rows in sight, and a few beyond, are in the window", () => {
  expect(windowOf(1000, 2400, 240)).toEqual({ height: 24_000, first: 94, last: 116, top: 94 * ROW_HEIGHT });
});

test("a short list is drawn whole", () => {
  expect(windowOf(5, 0, 400)).toEqual({ height: 120, first: 0, last: 5, top: 0 });
});

test("a list beyond the browser's limit is scrolled in proportion, to its very last row", () => {
  const count = 1_000_000;
  const viewport = 480;
  const { height, last } = windowOf(count, 8_000_000 - viewport, viewport);
  expect([height, last]).toEqual([8_000_000, count]);
  const middle = windowOf(count, (8_000_000 - viewport) / 2, viewport);
  expect(Math.abs(middle.first - count / 2)).toBeLessThan(30);
});

test("a row is scrolled to by as little as it takes", () => {
  expect([scrollTo(2, 100, 0, 240), scrollTo(10, 100, 0, 240), scrollTo(5, 100, 480, 240)]).toEqual([0, 24, 120]);
});

test("every row of a very long list can be scrolled to", () => {
  for (const row of [0, 333_333, 999_999]) {
    const { first, last } = windowOf(1_000_000, scrollTo(row, 1_000_000, 0, 480), 480);
    expect(first <= row && row < last).toBe(true);
  }
});
