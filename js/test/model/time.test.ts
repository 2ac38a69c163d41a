import { expect, test } from "vitest";
import { barOf, ticks } from "../../src/model/time.ts";

test("ticks are round and within the axis", () => {
  expect([ticks(4140, 5), ticks(90, 4), ticks(0.8, 4), ticks(0, 4), ticks(10, 0)]).toEqual([
    [1000, 2000, 3000, 4000],
    [50],
    [0.2, 0.4, 0.6000000000000001],
    [],
    [],
  ]);
});

test("a bar is where its span is, and never too short to see", () => {
  expect([barOf(25, 75, 100), barOf(100, 100, 100), barOf(10, 10, 100), barOf(0, 0, 0)]).toEqual([
    { left: 25, width: 50 },
    { left: 99.4, width: 0.5999999999999943 },
    { left: 10, width: 0.6 },
    { left: 0, width: 100 },
  ]);
});
