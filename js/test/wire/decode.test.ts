import { expect, test } from "vitest";
import { aligned } from "../../src/wire/channel.ts";
import { decodeSpan, decodeTree } from "../../src/wire/decode.ts";
import { fixture, treeFixture } from "../fixtures.ts";

test("a tree comes as columns of plain numbers and strings", () => {
  const tree = treeFixture();
  const row = 6;
  expect({
    length: tree.length,
    depth: Array.from(tree.depth),
    childCount: Array.from(tree.childCount),
    spanId: tree.spanId.at(row),
    name: tree.name.at(row),
    type: tree.type.at(row),
    model: tree.model.at(row),
    start: tree.startMs[row],
    duration: tree.durationMs.at(row),
    firstChunk: tree.firstChunkMs.at(row),
    tokens: [tree.inputTokens.at(row), tree.outputTokens.at(row)],
    cost: [tree.costUsd.at(row), tree.costState.at(row)],
    error: tree.error.at(8),
    running: tree.durationMs.at(10),
    sums: [tree.sumCalls.at(0), tree.sumInputTokens.at(0), tree.sumErrors.at(0)],
  }).toEqual({
    length: 11,
    depth: [0, 1, 2, 2, 2, 2, 2, 1, 1, 1, 1],
    childCount: [5, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    spanId: "0000000000000007",
    name: "chat gpt-4o-mini",
    type: "llm",
    model: "gpt-4o-mini",
    start: 1320,
    duration: 1570,
    firstChunk: 410,
    tokens: [498, 122],
    cost: [0.000148, "priced"],
    error: true,
    running: null,
    sums: [7, 1055, 1],
  });
});

test("a buffer at any offset of its message is read", () => {
  const bytes = fixture("tree.arrow");
  for (let offset = 0; offset < 8; offset++) {
    const message = new Uint8Array(bytes.length + 16);
    message.set(bytes, offset);
    const view = new DataView(message.buffer, offset, bytes.length);
    expect(decodeTree(aligned(view)).startMs).toEqual(treeFixture().startMs);
  }
});

test("an array buffer is read as well as a view", () => {
  const bytes = fixture("tree.arrow");
  expect(decodeTree(aligned(bytes.buffer.slice(0) as ArrayBuffer)).length).toBe(11);
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
  expect(() => decodeTree(fixture("span-chat.arrow"))).toThrow("the kernel's reply has no column depth");
});
