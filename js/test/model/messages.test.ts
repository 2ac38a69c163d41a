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

test("a call with a tool reads as a conversation, its answer below it", () => {
  const shown = conversationOf(decodeSpan(fixture("span-chat.arrow")));
  expect(shown.map(({ role, isAnswer, parts }) => [role, isAnswer, parts.map((part) => part.kind)])).toEqual([
    ["system", false, ["text"]],
    ["user", false, ["text"]],
    ["assistant", false, ["reasoning", "toolCall"]],
    ["assistant", true, ["text"]],
  ]);
  const answer = {
    city: "Paris",
    now: { celsius: 14, rain: true },
    hours: [
      { at: 12, mm: 0.4 },
      { at: 18, mm: 2.1 },
    ],
  };
  expect(shown[2]?.parts[1]).toEqual({
    kind: "toolCall",
    name: "get_weather",
    id: "call_1",
    given: { text: '{\n  "city": "Paris",\n  "days": 1\n}', json: { city: "Paris", days: 1 } },
    answers: [{ text: JSON.stringify(answer, null, 2), json: answer }],
  });
});

test("an answer whose call is not there stays a message", () => {
  const inputMessages = JSON.stringify([
    { role: "tool", parts: [{ type: "tool_call_response", id: "x", response: "7" }] },
  ]);
  expect(conversationOf(span({ inputMessages }))).toEqual([
    {
      role: "tool",
      name: null,
      isAnswer: false,
      finishReason: null,
      parts: [{ kind: "toolResponse", id: "x", answer: { text: "7" } }],
    },
  ]);
});

test("every kind of part is shown", () => {
  expect(
    said(
      { type: "blob", modality: "image", mime_type: "image/svg+xml", content: "A".repeat(4096) },
      { type: "blob", modality: "image", mime_type: "image/png", content: "iVBORw0KGgo=" },
      { type: "blob", modality: "image", mime_type: "image/png", size: 2048, sha256: "00" },
      { type: "uri", modality: "image", uri: "https://example.org/a.png" },
      { type: "tool_call_response", id: null, result: "sunny" },
      { type: "compaction", content: "earlier talk" },
      { type: "hologram", depth: 3 },
      "just text",
    ),
  ).toEqual([
    { kind: "media", label: "image · image/svg+xml · 3 KB" },
    { kind: "image", src: "data:image/png;base64,iVBORw0KGgo=", label: "image · image/png · 1 KB" },
    { kind: "media", label: "image · image/png · 2 KB · content not kept" },
    { kind: "media", label: "image · https://example.org/a.png (not loaded)" },
    { kind: "toolResponse", id: null, answer: { text: "sunny" } },
    { kind: "other", label: "compaction", content: { text: "earlier talk" } },
    {
      kind: "other",
      label: "hologram",
      content: { text: '{\n  "type": "hologram",\n  "depth": 3\n}', json: { type: "hologram", depth: 3 } },
    },
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

test("a message is copied with its tools and their answers", () => {
  const shown = conversationOf(decodeSpan(fixture("span-chat.arrow")));
  expect(shown[2] && textOf(shown[2])).toContain(
    'get_weather({\n  "city": "Paris",\n  "days": 1\n})\n{\n  "city": "Paris",',
  );
});

test("a span without messages has no conversation", () => {
  expect(conversationOf(span({}))).toEqual([]);
});
