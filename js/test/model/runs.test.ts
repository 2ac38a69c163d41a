import { expect, test } from "vitest";
import { forestOf } from "../../src/model/forest.ts";
import { entriesOf, type Run, runOf, type SortKey, sorted } from "../../src/model/runs.ts";
import { Sums } from "../../src/model/sums.ts";
import { treeFixture } from "../fixtures.ts";
import { treeOf } from "../trees.ts";

const tree = treeFixture("session.arrow");
const forest = forestOf(tree);
const sums = new Sums(tree);
const run = (trace: number): Run => runOf(tree, forest, sums, trace);
const entries = entriesOf(tree, forest);

test("the runs of a cell are folded under the latest", () => {
  expect(entries.map(({ trace, earlier }) => [run(trace).name, earlier.map((one) => run(one).name)])).toEqual([
    ["cell [5]", ["cell [4]", "cell [3]"]],
    ["cell [6]", []],
    ["cell [7]", []],
    ["nightly evaluation", []],
    ["cell [8]", []],
  ]);
});

test("a trace is listed with what it came to", () => {
  expect(run(1)).toEqual({
    row: forest.traces[1],
    name: "cell [4]",
    title: 'summarize = nbtrace.prompt("summarize", "Summarize the abstract of {title} in {n} words:\\n\\n{text}")',
    startMs: 120_000,
    durationMs: 4435,
    roots: 1,
    sum: {
      spans: 13,
      calls: 6,
      inputTokens: 419,
      outputTokens: 101,
      costUsd: expect.closeTo(0.00012345, 8),
      unpriced: 0,
      estimated: 0,
      replayed: 0,
      errors: 2,
      running: 0,
      streaming: 0,
      unfinished: 0,
      interrupted: 0,
    },
  });
});

test.each([
  ["started", ["cell [8]", "nightly evaluation", "cell [7]"]],
  ["name", ["nightly evaluation", "cell [8]", "cell [7]"]],
  ["time", ["cell [7]", "cell [5]", "nightly evaluation"]],
  ["calls", ["cell [7]", "cell [5]", "nightly evaluation"]],
  ["tokens", ["cell [7]", "cell [6]", "cell [5]"]],
  ["cost", ["cell [7]", "cell [6]", "cell [5]"]],
  ["errors", ["cell [7]", "cell [8]", "nightly evaluation"]],
] as [SortKey, string[]][])("sorted by %s", (key, names) => {
  const shown = sorted(entries, run, { key, isDescending: true });
  expect(shown.slice(0, 3).map(({ trace }) => run(trace).name)).toEqual(names);
  const reversed = sorted(entries, run, { key, isDescending: false });
  expect(reversed.map(({ trace }) => trace)).toEqual(shown.map(({ trace }) => trace).reverse());
});

test("runs are told apart by number, and a cell without an id is an entry of its own", () => {
  const few = treeOf([
    { trace: 1, type: "cell", cell: "a", run: 2 },
    { trace: 2, type: "cell", cell: "a", run: 1 },
    { trace: 3, type: "cell" },
    { trace: 4, type: "cell" },
  ]);
  expect(entriesOf(few, forestOf(few))).toEqual([
    { trace: 0, earlier: [1] },
    { trace: 2, earlier: [] },
    { trace: 3, earlier: [] },
  ]);
});
