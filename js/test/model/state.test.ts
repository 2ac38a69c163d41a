import { expect, test } from "vitest";
import { CALL, ERROR, INTERRUPTED, UNFINISHED } from "../../src/model/columns.ts";
import { Explorer } from "../../src/model/explorer.ts";
import { CUT, OVER, READ_ON_MS, RUNNING, STREAMING, statesOf, UNREAD } from "../../src/model/state.ts";
import { treeOf } from "../trees.ts";

const NO_END = Number.NaN;

test("a stream goes on while its cell does, and is unfinished after that", () => {
  const rows = (cellMs: number) => [
    { type: "cell", ms: cellMs },
    { parent: 0, ms: 5 },
    { parent: 0, ms: NO_END },
    { parent: 0, ms: NO_END, flags: CALL | UNFINISHED },
  ];
  expect(Array.from(statesOf(treeOf(rows(NO_END))))).toEqual([RUNNING, OVER, RUNNING, STREAMING]);
  expect(Array.from(statesOf(treeOf(rows(10))))).toEqual([OVER, OVER, RUNNING, UNREAD]);
});

test("a stream below nothing is unfinished, since nobody is known to read it", () => {
  expect(Array.from(statesOf(treeOf([{ ms: NO_END, flags: CALL | UNFINISHED }])))).toEqual([UNREAD]);
});

test("a stream whose chunks came after its cell had ended is read on, until none has come for a while", () => {
  const read = { start: 0, ms: NO_END, flags: CALL | UNFINISHED };
  const tree = treeOf([
    { type: "cell", ms: 400 },
    { parent: 0, ...read, tokens: [1, 30], rate: 100 },
    { parent: 0, ...read, tokens: [1, 90], rate: 100 },
    { ...read, tokens: [1, 30], rate: 100 },
  ]);
  expect(Array.from(statesOf(tree, 1000))).toEqual([OVER, UNREAD, STREAMING, STREAMING]);
  expect(Array.from(statesOf(tree, 900 + READ_ON_MS))).toEqual([OVER, UNREAD, UNREAD, UNREAD]);

  const explorer = new Explorer();
  explorer.show(tree);
  expect(explorer.time.isGoing.value).toBe(true);
  explorer.time.nowMs.value = 1000 + READ_ON_MS;
  expect(explorer.time.isGoing.value).toBe(false);
});

test("what a kernel's end interrupted neither runs nor lets its streams", () => {
  const cut = ERROR | INTERRUPTED;
  const tree = treeOf([
    { ms: NO_END, flags: cut },
    { parent: 0, ms: NO_END, flags: cut | CALL },
  ]);
  expect(Array.from(statesOf(tree))).toEqual([CUT, CUT]);
});

test("what failed and has not ended runs on", () => {
  const tree = treeOf([
    { ms: NO_END, flags: ERROR },
    { parent: 0, ms: NO_END, flags: ERROR | CALL },
    { parent: 0, ms: NO_END, flags: ERROR | CALL | UNFINISHED },
  ]);
  expect(Array.from(statesOf(tree))).toEqual([RUNNING, RUNNING, STREAMING]);
});

test("the axis grows with what goes on, and stays where nothing does", () => {
  const explorer = new Explorer();
  explorer.show(treeOf([{ ms: NO_END }, { parent: 0, start: 20, ms: 5 }]));
  expect([explorer.time.isGoing.value, explorer.time.axis.value]).toEqual([true, { fromMs: 0, toMs: 1000 }]);
  explorer.time.nowMs.value = 1500;
  expect(explorer.time.axis.value).toEqual({ fromMs: 0, toMs: 1500 });
  explorer.show(treeOf([{ ms: 1200 }, { parent: 0, start: 20, ms: 5 }]));
  expect([explorer.time.isGoing.value, explorer.time.axis.value]).toEqual([false, { fromMs: 0, toMs: 1200 }]);
});

test("an axis that was zoomed stays where it is while the trace goes on", () => {
  const explorer = new Explorer();
  explorer.show(treeOf([{ ms: NO_END }]));
  explorer.time.zoomTo({ fromMs: 100, toMs: 200 });
  explorer.time.nowMs.value = 9000;
  expect(explorer.time.view.value).toEqual({ fromMs: 100, toMs: 200 });
});
