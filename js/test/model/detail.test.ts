import { expect, test } from "vitest";
import { blocksOf, documentsOf, eventsOf, rawOf, sectionsOf } from "../../src/model/detail.ts";
import { decodeSpan } from "../../src/wire/decode.ts";
import { fixture, sessionSpans } from "../fixtures.ts";

const words = (sections: ReturnType<typeof sectionsOf>) =>
  Object.fromEntries(
    sections.map(({ title, facts, block }) => [
      title,
      block ? block.text : facts.map(([name, { text }]) => [name, text]),
    ]),
  );
const json = (value: unknown) => JSON.stringify(value);
const named = (name: string, nth = 0) =>
  sessionSpans().filter((span) => span.name === name)[nth] ?? decodeSpan(fixture("span-chat.arrow"));

test("what is known of a call is sorted by theme", () => {
  expect(words(sectionsOf(decodeSpan(fixture("span-prompt.arrow"))))).toEqual({
    Prompt: [
      ["name", "summarise"],
      ["{words}", "five"],
      ["version", "2"],
    ],
    Template: "Summarise in {words} words: {text}",
    Parameters: [
      ["model", "smollm2-135m-instruct"],
      ["temperature", "0.2"],
    ],
    Response: [
      ["finish_reasons", "stop"],
      ["model", "smollm2-135m-instruct"],
    ],
    Usage: [
      ["input_tokens", "37"],
      ["output_tokens", "9"],
      ["state", "reported"],
    ],
    Cost: [
      ["total", "unpriced"],
      ["why", "no price known"],
    ],
    Server: [
      ["gen_ai.operation.name", "chat"],
      ["gen_ai.provider.name", "openai"],
    ],
  });
});

test("what is in seconds says so, and what a fetched response had used is with the usage", () => {
  const attributes = json({
    "nbtrace.attempt.wait": 0.020132377,
    "nbtrace.attempts": 3,
    "nbtrace.attempts.rate_limited": 61,
    "nbtrace.stream.gap.max": "long",
    "nbtrace.fetched.usage": json({ total_tokens: 7 }),
  });
  expect(words(sectionsOf({ ...decodeSpan(fixture("span-cell.arrow")), attributes }))).toMatchObject({
    Attempts: [
      ["wait", "20.1 ms"],
      ["nbtrace.attempts", "3"],
      ["rate_limited", "1 min 01 s"],
    ],
    Response: [["gap.max", "long"]],
    Usage: [["nbtrace.fetched.usage", expect.stringContaining("7")]],
  });
});

test("a cell shows its source, a tool what it was given and gave, a retrieval its documents", () => {
  expect(blocksOf(decodeSpan(fixture("span-cell.arrow"))).map(({ title, isCode }) => [title, isCode])).toEqual([
    ["Source", true],
  ]);
  expect(blocksOf(named("execute_tool read_paper")).map(({ title, block }) => [title, block?.json])).toEqual([
    ["Arguments", { title: "attention", sections: [3, 5], options: { figures: false } }],
    ["Result", expect.objectContaining({ title: "attention", pages: 15 })],
  ]);
  const found = named("retrieval papers");
  expect(blocksOf(found).map(({ title, block }) => [title, block?.text])).toEqual([
    ["Query", "prerequisites of attention"],
  ]);
  expect(documentsOf(found).map(({ id, score }) => [id, score])).toEqual([
    ["attention.pdf#1", 0.91],
    ["attention.pdf#4", 0.62],
  ]);
});

test("events come with the time after the start", () => {
  expect(eventsOf(decodeSpan(fixture("span-failed.arrow")))).toEqual([
    {
      name: "exception",
      afterMs: 81,
      facts: [["exception.message", { text: "Rate limit reached for gpt-4o: try again in 20 s" }]],
    },
  ]);
});

test("raw has every attribute under its own name", () => {
  const span = decodeSpan(fixture("span-tool-chat.arrow"));
  const raw = words(rawOf(span));
  expect(Object.keys(raw)).toEqual(["Span", "Attributes", "Tool definitions", "Resource", "Scope"]);
  expect((raw.Attributes as string[][]).map(([name]) => name)).toEqual(
    Object.keys(JSON.parse(span.attributes ?? "{}")),
  );
  expect(raw.Resource).toContainEqual(["process.pid", "4242"]);
});

test("nothing fails on what is no JSON, or not the shape that was expected", () => {
  const odd = {
    attributes: "[1]",
    events: "{}",
    cost: "nope",
    links: "7",
    resource: "nope",
    scope: '{"attributes": 3}',
  };
  const span = { ...decodeSpan(fixture("span-chat.arrow")), ...odd, toolDefinitions: "not JSON" };
  expect([sectionsOf(span), blocksOf(span), documentsOf(span), eventsOf(span)]).toEqual([[], [], [], []]);
  expect(rawOf(span).map(({ title }) => title)).toEqual(["Span", "Tool definitions", "Scope"]);
});

test("a cost is shown with its arithmetic, as the kernel words it", () => {
  const cost = {
    total: "~$0.0000315",
    rows: [
      ["uncached input", "10", "$0.15 / M", "$0.0000015"],
      ["output", "50", "$0.60 / M", "$0.00003"],
    ],
    reason: "tokens were estimated",
    source: "genai-prices 1",
  };
  const [section] = sectionsOf({ ...decodeSpan(fixture("span-cell.arrow")), cost: JSON.stringify(cost) }).filter(
    ({ title }) => title === "Cost",
  );
  expect(section).toEqual({
    title: "Cost",
    table: {
      head: ["", "quantity", "price", "amount"],
      rows: [...cost.rows, ["total", "", "", "~$0.0000315"]],
    },
    facts: [
      ["why", { text: "tokens were estimated" }],
      ["prices", { text: "genai-prices 1" }],
    ],
  });
});

test("who saw a call too is told, and what they said otherwise", () => {
  const told = [
    { span_id: "00f1", scope: "a.framework", name: "ChatModel", attributes: { "gen_ai.request.temperature": 0.7 } },
    { span_id: "00f2", scope: "" },
    "not a span",
  ];
  const given = { ...decodeSpan(fixture("span-chat.arrow")), attributes: json({ "nbtrace.also_said": json(told) }) };
  expect(words(sectionsOf(given))).toMatchObject({
    "Also seen by a.framework": [
      ["name", "ChatModel"],
      ["span id", "00f1"],
      ["gen_ai.request.temperature", "0.7"],
    ],
    "Also seen by another instrumentation": [["span id", "00f2"]],
  });
  for (const odd of ["{", "null", '{"a":1}'])
    expect(() => sectionsOf({ ...given, attributes: json({ "nbtrace.also_said": odd }) })).not.toThrow();
});
