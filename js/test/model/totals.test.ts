import { expect, test } from "vitest";
import { totalsOf } from "../../src/model/totals.ts";
import { treeFixture } from "../fixtures.ts";

test("the totals are sums over the roots", () => {
  const { costUsd, ...totals } = totalsOf(treeFixture());
  expect(costUsd).toBeCloseTo(0.00027876, 8);
  expect(totals).toEqual({
    spans: 11,
    calls: 7,
    durationMs: 4140,
    inputTokens: 1055,
    outputTokens: 222,
    unpriced: 1,
    estimated: 1,
    errors: 1,
    running: 1,
  });
});

test("of no spans nothing is known", () => {
  const empty = { ...treeFixture(), length: 0 };
  expect(totalsOf(empty)).toEqual({
    spans: 0,
    calls: 0,
    durationMs: 0,
    inputTokens: null,
    outputTokens: null,
    costUsd: null,
    unpriced: 0,
    estimated: 0,
    errors: 0,
    running: 0,
  });
});
