import { computed, type Signal, signal } from "@preact/signals";
import { expect, test } from "vitest";
import type { TreeColumns } from "../../src/model/columns.ts";
import { forestOf } from "../../src/model/forest.ts";
import { PREVIEWED, Previews } from "../../src/model/previews.ts";
import { type Row, treeOf } from "../trees.ts";

/** A trace with more spans than have their words with it, then a small one. */
const ROWS: Row[] = [{ type: "cell" }, ...Array<Row>(PREVIEWED).fill({ parent: 0 }), { trace: 2 }];
const RUNNING = 2;
const LATEST = PREVIEWED + 1;

function treeWith(ms: number): TreeColumns {
  return treeOf(ROWS.map((row, at) => (at === RUNNING ? { ...row, ms } : row)));
}

function shown(): { tree: Signal<TreeColumns>; previews: Previews } {
  const tree = signal(treeWith(Number.NaN));
  const previews = new Previews({ tree, forest: computed(() => forestOf(tree.value)) });
  previews.inSight.value = [0, 1, RUNNING, LATEST];
  return { tree, previews };
}

const keyOf = (row: number): string => `${"1".padStart(32, "0")}${(row + 1).toString(16).padStart(16, "0")}`;

function answer(previews: Previews, words: Record<string, string>): void {
  const wanted = previews.wanted.value;
  if (wanted) previews.take(wanted, new Map(Object.entries(words)));
}

test("the spans in sight that came without words are asked for them, once", () => {
  const { previews } = shown();
  expect(previews.wanted.value?.keys).toEqual([0, 1, RUNNING].map(keyOf));
  answer(previews, { [keyOf(1)]: "Hello" });
  expect([0, 1, RUNNING, 3, LATEST].map((row) => previews.of(row))).toEqual(["", "Hello", "", "", ""]);
  expect(previews.wanted.value).toBeNull();
  previews.inSight.value = [1, 3];
  expect(previews.wanted.value?.keys).toEqual([keyOf(3)]);
});

test("a span that ran is asked again with a newer tree, until it is over", () => {
  const { tree, previews } = shown();
  answer(previews, { [keyOf(RUNNING)]: "Hel" });
  tree.value = treeWith(5);
  expect([previews.wanted.value?.keys, previews.of(RUNNING)]).toEqual([[keyOf(RUNNING)], "Hel"]);
  answer(previews, { [keyOf(RUNNING)]: "Hello" });
  tree.value = treeWith(5);
  expect([previews.wanted.value, previews.of(RUNNING)]).toEqual([null, "Hello"]);
});

test("words that could not be asked for take none away, and are asked for with a newer tree", () => {
  const { tree, previews } = shown();
  answer(previews, { [keyOf(RUNNING)]: "Hel" });
  tree.value = treeWith(Number.NaN);
  previews.inSight.value = [3, RUNNING];
  const wanted = previews.wanted.value;
  if (wanted) previews.take(wanted, null);
  expect([wanted?.rows, previews.of(RUNNING), previews.wanted.value]).toEqual([[3, RUNNING], "Hel", null]);
  tree.value = treeWith(5);
  expect(previews.wanted.value?.rows).toEqual([3, RUNNING]);
});
