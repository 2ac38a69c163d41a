import { expect, test } from "vitest";
import type { SpanDetail } from "../../src/model/columns.ts";
import { conversationOf, textOf } from "../../src/model/messages.ts";
import { decodeSpan } from "../../src/wire/decode.ts";
import { fixture } from "../fixtures.ts";

function span(columns: Partial<SpanDetail>): SpanDetail {
  const none = { systemInstructions: null, inputMessages: null, outputMessages: null };
  return { ...decodeSpan(fixture("span-running.arrow")), ...none, ...columns };
}

function said(...parts: unknown[]) {
  return conversationOf(span({ outputMessages: JSON.stringify([{ role: "assistant", parts }]) }))[0]?.parts;
}

test("a call with a tool reads as a conversation", () => {
  expect(conversationOf(decodeSpan(fixture("span-tool-chat.arrow")))).toEqual([
    {
      role: "system",
      name: null,
      isAnswer: false,
      parts: [{ kind: "text", text: "You are a brief weather assistant. Use metric units." }],
    },
    {
      role: "user",
      name: null,
      isAnswer: false,
      parts: [{ kind: "text", text: "What is the weather in Paris, and should I take an umbrella?" }],
    },
    {
      role: "assistant",
      name: null,
      isAnswer: true,
      parts: [
        { kind: "reasoning", text: "I need the forecast first." },
        { kind: "toolCall", name: "get_weather", id: "call_1", text: '{\n  "city": "Paris",\n  "days": 1\n}' },
      ],
    },
  ]);
});

test("every kind of part is shown", () => {
  expect(
    said(
      { type: "blob", modality: "image", mime_type: "image/png", content: "A".repeat(4096) },
      { type: "uri", modality: "image", uri: "https://example.org/a.png" },
      { type: "tool_call_response", id: null, result: "sunny" },
      { type: "compaction", content: "earlier talk" },
      { type: "hologram", depth: 3 },
      "just text",
    ),
  ).toEqual([
    { kind: "media", label: "image · image/png · 3 KB" },
    { kind: "media", label: "image · https://example.org/a.png" },
    { kind: "toolResponse", id: null, text: "sunny" },
    { kind: "other", label: "compaction", text: "earlier talk" },
    { kind: "other", label: "hologram", text: '{\n  "type": "hologram",\n  "depth": 3\n}' },
    { kind: "text", text: "just text" },
  ]);
});

test.each([
  ["<redacted>", "<redacted>"],
  ['"one string"', "one string"],
  ['{"unexpected":true}', '{\n  "unexpected": true\n}'],
  ['["bare"]', "bare"],
  ['[{"role":"user","content":"old shape"}]', "old shape"],
])("what is not the convention's shape is shown as text: %s", (inputMessages, expected) => {
  expect(conversationOf(span({ inputMessages })).map(textOf)).toEqual([expected]);
});

test("a span without messages has no conversation", () => {
  expect(conversationOf(span({}))).toEqual([]);
});
