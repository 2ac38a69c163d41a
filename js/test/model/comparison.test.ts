import { expect, test } from "vitest";
import { Comparison, type Head, type Run } from "../../src/model/comparison.ts";
import { changes } from "../../src/model/words.ts";

const FIGURES = { cost_usd: 1, latency_s: 1, first_chunk_s: Number.NaN, input_tokens: 5, output_tokens: 5 };

function run(input: number, variant: number, given: Partial<Run> & { cost?: number } = {}): Run {
  const { cost = 1, ...rest } = given;
  return {
    input,
    variant,
    traceId: "a".repeat(32),
    spanId: `${input}${variant}`.padStart(16, "0"),
    output: "said",
    leftOut: 0,
    state: "over",
    finish: "stop",
    error: "",
    costState: "priced",
    usageState: "reported",
    figures: { ...FIGURES, cost_usd: cost },
    scores: {},
    choice: 0,
    note: "",
    ...rest,
  };
}

function shown(runs: Run[], { inputs = 3, variants = 2, scores = [] as string[] } = {}): Comparison {
  const head: Head = {
    title: "p",
    baseline: 0,
    variants: Array.from({ length: variants }, (_, at) => ({
      label: `v${at + 1}`,
      prompt: "p",
      version: String(at + 1),
      model: "m",
      settings: [],
      template: null,
    })),
    inputs: Array.from({ length: inputs }, (_, at) => [["q", String(at)] as const]),
    scores,
    sentences: [],
    measured: [],
  };
  const comparison = new Comparison();
  comparison.show(head, runs);
  return comparison;
}

test("a cell has the means of its runs that did not fail, and of what is known", () => {
  const failed = run(0, 1, { state: "error", error: "E", cost: 100 });
  const { means, runs } = shown([run(0, 1, { cost: 1 }), run(0, 1, { cost: 3 }), failed]).cell(0, 1);
  expect([runs.length, means.get("cost_usd"), means.has("first_chunk_s")]).toEqual([3, 2, false]);
});

test("rows are sorted by what got worst and filtered by what got better, worse or other", () => {
  const comparison = shown([
    ...[0, 1, 2].map((input) => run(input, 0)),
    run(0, 1, { cost: 0.5 }),
    run(1, 1, { cost: 2, output: "else" }),
    run(2, 1, { cost: 1.01 }),
  ]);
  expect(comparison.measure.value).toBe("cost_usd");
  const rows = (filter: "all" | "improved" | "regressed" | "changed"): readonly number[] => {
    comparison.filter.value = filter;
    return comparison.rows.value;
  };
  expect([rows("improved"), rows("regressed"), rows("changed"), rows("all")]).toEqual([[0], [1], [1], [0, 1, 2]]);
  comparison.isSorted.value = true;
  expect(comparison.rows.value).toEqual([1, 2, 0]);
  comparison.baseline.value = 1;
  expect(comparison.rows.value).toEqual([0, 2, 1]);
});

test("of a score more is better, and its difference is no share", () => {
  const runs = [run(0, 0, { scores: { good: 0.5 } }), run(0, 1, { scores: { good: 0.75 } })];
  const comparison = shown(runs, { inputs: 1, scores: ["good"] });
  expect(comparison.measure.value).toBe("good");
  expect(comparison.change(0, 1, "good")).toEqual({ amount: 0.25, isShare: false });
  comparison.filter.value = "regressed";
  expect(comparison.rows.value).toEqual([]);
  comparison.filter.value = "improved";
  expect(comparison.rows.value).toEqual([0]);
});

test("the cursor moves among the rows that are shown, as they are shown", () => {
  const comparison = shown([0, 1, 2].flatMap((input) => [run(input, 0), run(input, 1, { cost: input })]));
  comparison.isSorted.value = true;
  comparison.move(-9, 0);
  expect(comparison.cursor.value).toEqual({ input: 2, column: 0 });
  comparison.move(1, 5);
  expect(comparison.cursor.value).toEqual({ input: 1, column: 1 });
  comparison.toggleTrace();
  expect(comparison.open.value?.spanId).toBe("0000000000000011");
  comparison.toggleTrace();
  expect(comparison.open.value).toBeNull();
});

test("texts are compared word by word, and are both in the parts", () => {
  const parts = changes("Say it in ten words.", "Say it in five words, please.") ?? [];
  const side = (kind: string): string => parts.flatMap((part) => (part.kind === kind ? [] : [part.text])).join("");
  expect(side("added")).toBe("Say it in ten words.");
  expect(side("removed")).toBe("Say it in five words, please.");
  expect(parts.filter(({ kind }) => kind === "removed").map(({ text }) => text)).toContain("ten");
  expect(changes("same", "same")).toEqual([{ kind: "same", text: "same" }]);
  expect(changes("a ".repeat(30_000), "b")).toBeNull();
  expect(changes("a1 b1 ".repeat(2000), "c2 d2 ".repeat(2000))).toBeNull();
});
