import { expect, test } from "vitest";
import * as text from "../../src/model/text.ts";
import { jsonFixture } from "../fixtures.ts";

interface Wording {
  cost: [number | null, string | null, string][];
  duration: [number | null, string][];
  tokens: [number, string][];
}

test("numbers are worded as Python words them", () => {
  const { cost, duration, tokens } = jsonFixture<Wording>("text.json");
  expect(cost.map(([usd, state]) => text.cost(usd, state))).toEqual(cost.map(([, , words]) => words));
  expect(duration.map(([ns]) => text.duration(ns))).toEqual(duration.map(([, words]) => words));
  expect(tokens.map(([count]) => text.tokens(count))).toEqual(tokens.map(([, words]) => words));
});

test("tokens that are not known are not worded as none", () => {
  expect([text.flow(1, 2), text.flow(null, 2), text.flow(0, null), text.flow(null, null)]).toEqual([
    "1 → 2",
    "? → 2",
    "0 → ?",
    "",
  ]);
});

test("times on the axis are short", () => {
  expect([0.25, 5, 250, 999.9999999, 1500, 2000, 90_000].map(text.axisTime)).toEqual([
    "250 µs",
    "5 ms",
    "250 ms",
    "1 s",
    "1.5 s",
    "2 s",
    "1.5 min",
  ]);
});
