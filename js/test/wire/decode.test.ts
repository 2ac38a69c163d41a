import { tableFromIPC, tableToIPC } from "@uwdata/flechette";
import { expect, test } from "vitest";
import { CALL, ERROR, ESTIMATED_COST, ESTIMATED_USAGE, FAILURE } from "../../src/model/columns.ts";
import { spanIdAt, traceIdAt } from "../../src/model/ids.ts";
import { aligned } from "../../src/wire/channel.ts";
import { decodeSpan, decodeTree } from "../../src/wire/decode.ts";
import { fixture, START, treeFixture } from "../fixtures.ts";

test("a tree comes as columns of numbers and words", () => {
  const tree = treeFixture();
  const row = 6;
  expect({
    length: tree.length,
    parent: Array.from(tree.parent),
    spanId: spanIdAt(tree, row),
    traceId: traceIdAt(tree, row),
    name: tree.name.at(row),
    type: tree.type.at(row),
    models: [tree.model.at(row), tree.model.at(0)],
    start: tree.startMs[row],
    duration: tree.durationMs[row],
    firstChunk: [tree.firstChunkMs[row], tree.firstChunkMs[0]],
    tokens: [tree.inputTokens[row], tree.outputTokens[row]],
    cost: [tree.costUsd[row], tree.costUsd[7]],
    flags: [tree.flags[8], tree.flags[9]],
    running: tree.durationMs[10],
    cell: [tree.title.at(0), tree.cellRun[0], tree.cellRun[1]],
  }).toEqual({
    length: 11,
    parent: [-1, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0],
    spanId: "0000000000000007",
    traceId: "0af7651916cd43dd8448eb211c80319c",
    name: "chat gpt-4o-mini",
    type: "llm",
    models: ["gpt-4o-mini", ""],
    start: 1320,
    duration: 1570,
    firstChunk: [410, Number.NaN],
    tokens: [498, 122],
    cost: [0.000148, Number.NaN],
    flags: [ERROR | FAILURE | CALL, CALL | ESTIMATED_COST | ESTIMATED_USAGE],
    running: Number.NaN,
    cell: ['question = "What is the weather in Paris, and should I take an umbrella?"', 2, -1],
  });
});

test("a tree of no spans has every column", () => {
  const none = tableToIPC(tableFromIPC(fixture("tree.arrow")).select([]), { format: "stream" });
  expect(() => decodeTree(none as Uint8Array, START)).toThrow("the kernel's reply has no column span_id");
  expect(decodeTree(fixture("empty.arrow"), START)).toMatchObject({ length: 0, startUnixMs: START });
});

test("a buffer at any offset of its message is read", () => {
  const bytes = fixture("tree.arrow");
  for (let offset = 0; offset < 8; offset++) {
    const message = new Uint8Array(bytes.length + 16);
    message.set(bytes, offset);
    const view = new DataView(message.buffer, offset, bytes.length);
    expect(decodeTree(aligned(view), START).startMs).toEqual(treeFixture().startMs);
  }
});

test("an array buffer is read as well as a view", () => {
  const bytes = fixture("tree.arrow");
  expect(decodeTree(aligned(bytes.buffer.slice(0) as ArrayBuffer), START).length).toBe(11);
});

test("a span comes with its texts", () => {
  const span = decodeSpan(fixture("span-failed.arrow"));
  expect(span).toMatchObject({
    spanId: "0000000000000009",
    traceId: "0af7651916cd43dd8448eb211c80319c",
    name: "chat gpt-4o",
    status: "error",
    statusMessage: "Rate limit reached for gpt-4o: try again in 20 s",
    systemInstructions: null,
    outputMessages: null,
  });
});

test("a reply without a column says which", () => {
  expect(() => decodeTree(fixture("span-chat.arrow"), START)).toThrow("the kernel's reply has no column parent");
});
