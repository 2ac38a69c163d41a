import { expect, test } from "vitest";
import { CALL, ERROR, ESTIMATED_COST, FAILURE, UNFINISHED, UNPRICED } from "../../src/model/columns.ts";
import { forestOf } from "../../src/model/forest.ts";
import { Sums } from "../../src/model/sums.ts";
import { treeFixture } from "../fixtures.ts";
import { treeOf } from "../trees.ts";

test("a branch is the sum of its calls", () => {
  const tree = treeFixture();
  expect(new Sums(tree).of(0, tree.length)).toEqual({
    spans: 11,
    calls: 7,
    inputTokens: 1055,
    outputTokens: 222,
    costUsd: expect.closeTo(0.00027876, 10),
    unpriced: 1,
    estimated: 1,
    replayed: 0,
    errors: 1,
    running: 1,
    streaming: 0,
    unfinished: 0,
    interrupted: 0,
  });
});

test("an agent that repeats its calls' tokens is not counted, and nothing known is null", () => {
  const sums = new Sums(
    treeOf([
      { flags: FAILURE | ERROR, tokens: [10, 5], cost: 0.5 },
      { parent: 0, flags: CALL | ESTIMATED_COST, tokens: [10, 5], cost: 0.5 },
      { parent: 0, flags: CALL | UNPRICED | UNFINISHED, tokens: [7, Number.NaN], ms: Number.NaN },
    ]),
  );
  expect([sums.of(0, 3), sums.of(2, 3)]).toEqual([
    {
      spans: 3,
      calls: 2,
      inputTokens: 17,
      outputTokens: 5,
      costUsd: 0.5,
      unpriced: 1,
      estimated: 1,
      replayed: 0,
      errors: 1,
      running: 0,
      streaming: 0,
      unfinished: 1,
      interrupted: 0,
    },
    {
      spans: 1,
      calls: 1,
      inputTokens: 7,
      outputTokens: null,
      costUsd: null,
      unpriced: 1,
      estimated: 0,
      replayed: 0,
      errors: 0,
      running: 0,
      streaming: 0,
      unfinished: 1,
      interrupted: 0,
    },
  ]);
});

test("calls that cost nothing cost nothing, however much the others cost", () => {
  const rows = [0.1, 0.2, 1e6, 0, 0].map((cost) => ({ flags: CALL, cost }));
  expect(new Sums(treeOf(rows)).of(3, 5).costUsd).toBe(0);
});

test("every branch of the session is what adding up its rows gives", () => {
  const tree = treeFixture("session.arrow");
  const forest = forestOf(tree);
  const sums = new Sums(tree);
  for (let row = 0; row < tree.length; row++) {
    const end = forest.ends[row] ?? 0;
    let tokens = 0;
    for (let below = row; below < end; below++)
      tokens += (tree.flags[below] ?? 0) & CALL ? tree.inputTokens[below] || 0 : 0;
    expect(sums.of(row, end).inputTokens ?? 0).toBe(tokens);
  }
});
