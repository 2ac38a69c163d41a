import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { SpanDetail } from "../../src/model/columns.ts";
import { asCurl, asJson, asPython, asReplay, isCall } from "../../src/model/snippets.ts";
import { decodeSpan } from "../../src/wire/decode.ts";
import { fixture, sessionSpans } from "../fixtures.ts";

const chat = decodeSpan(fixture("span-chat.arrow"));
const hostile = decodeSpan(fixture("span-hostile.arrow"));
const NASTY = `'; touch /tmp/pwned; '"\`id\`$(id)\n\u202e\u{e0041}\\ \u2028`;

/** The body that a snippet for curl sends, as a shell understands it. */
function sent(snippet: string): unknown {
  const said = execFileSync("sh", ["-c", `curl() { for one; do last=$one; done; printf %s "$last"; }\n${snippet}`]);
  return JSON.parse(said.toString());
}

function asking(text: string): SpanDetail {
  return { ...hostile, inputMessages: JSON.stringify([{ role: "user", parts: [{ type: "text", content: text }] }]) };
}

test("curl sends the call again: system, tools and their answers in the provider's shape", () => {
  expect(sent(asCurl(chat))).toEqual({
    model: "gpt-4o-mini",
    messages: [
      { role: "system", content: "You are a brief weather assistant. Use metric units." },
      { role: "user", content: "What is the weather in Paris, and should I take an umbrella?" },
      {
        role: "assistant",
        content: "",
        tool_calls: [
          { id: "call_1", type: "function", function: { name: "get_weather", arguments: '{"city":"Paris","days":1}' } },
        ],
      },
      {
        role: "tool",
        tool_call_id: "call_1",
        content: '{"city":"Paris","now":{"celsius":14,"rain":true},"hours":[{"at":12,"mm":0.4},{"at":18,"mm":2.1}]}',
      },
    ],
    temperature: 0.2,
  });
  expect(asCurl(chat)).toMatch(
    /^curl 'https:\/\/api\.openai\.com\/v1\/chat\/completions' \\\n {2}-H "Authorization: Bearer \$OPENAI_API_KEY"/,
  );
});

test("Anthropic is asked in its own shape", () => {
  const attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude",
  };
  const span = {
    ...chat,
    attributes: JSON.stringify(attributes),
    toolDefinitions: '[{"type":"function","name":"f","parameters":{"type":"object"}}]',
  };
  expect(sent(asCurl(span))).toMatchObject({
    model: "claude",
    max_tokens: 1024,
    system: "You are a brief weather assistant. Use metric units.",
    messages: [
      { role: "user" },
      { role: "assistant", content: [{ type: "tool_use" }] },
      { role: "user", content: [{ type: "tool_result" }] },
    ],
    tools: [{ name: "f", input_schema: { type: "object" } }],
  });
  expect(asPython(span)).toMatch(/^from anthropic import Anthropic\n/);
});

test("Python gets the same, as literals", () => {
  const code = asPython(asking(NASTY)).split("response = ")[1]?.split("\nprint")[0] ?? "";
  const call = `import json\nclass client:\n class chat:\n  class completions:\n   create = staticmethod(lambda **k: print(json.dumps(k)))\n${code}`;
  const said = JSON.parse(execFileSync("python3", ["-c", call]).toString());
  expect(said.messages).toEqual([{ role: "user", content: NASTY }]);
});

test("a cell replays the call: with its model, temperature and texts to edit, or its messages as they were", () => {
  const run = (code: string): unknown => {
    const says = "import json, sys, types\nsys.modules['nbtrace'] = types.SimpleNamespace(replay_span=lambda *a, **k: ";
    const told = "print(json.dumps([a, {n: 'as it was' if callable(v) else v for n, v in k.items()}])))\n";
    return JSON.parse(execFileSync("python3", ["-c", `${says}${told}${code}`]).toString());
  };
  const messages = [{ role: "user", content: NASTY }];
  const model = (span: SpanDetail): unknown => JSON.parse(span.attributes ?? "{}")["gen_ai.request.model"];
  expect(run(asReplay(asking(NASTY)))).toMatchObject([[hostile.spanId], { messages }]);
  expect(run(asReplay(chat))).toEqual([[chat.spanId], { model: model(chat), temperature: 0.2, messages: "as it was" }]);
});

test("nothing that a model said leaves its quotes, in a shell or on the screen", () => {
  expect(sent(asCurl(asking(NASTY)))).toMatchObject({ messages: [{ role: "user", content: NASTY }] });
  const forms = [asCurl, asPython, asReplay, asJson];
  for (const snippet of forms.map((form) => form(asking(NASTY)))) {
    expect(snippet).not.toMatch(/(?!\n)\p{Cc}|[\u2028-\u202e\u{e0000}-\u{e007f}]/u);
  }
});

test("a server that is no host name is not asked", () => {
  const at = (host: string, port: number): string => {
    const attributes = { "gen_ai.operation.name": "chat", "server.address": host, "server.port": port };
    return asCurl({ ...chat, attributes: JSON.stringify(attributes) }).split("\n")[0] ?? "";
  };
  expect([at("127.0.0.1", 8080), at("x.test", 443), at("evil.test/'$(id)'", 443)]).toEqual([
    "curl 'http://127.0.0.1:8080/v1/chat/completions' \\",
    "curl 'https://x.test/v1/chat/completions' \\",
    "curl 'https://api.openai.com/v1/chat/completions' \\",
  ]);
});

test("JSON is the span whole, values as values", () => {
  expect(JSON.parse(asJson(chat))).toMatchObject({
    span_id: "0000000000000007",
    attributes: { "gen_ai.request.model": "gpt-4o-mini" },
    output_messages: [{ role: "assistant" }],
    start_time: "2026-09-21T14:13:21.320000000Z",
  });
});

test("only a call can be made again, and one nested too deeply says so", () => {
  expect([isCall(chat), isCall(decodeSpan(fixture("span-cell.arrow")))]).toEqual([true, false]);
  const deep = `[{"role":"assistant","parts":[{"type":"tool_call","name":"f","arguments":${"[".repeat(40_000)}${"]".repeat(40_000)}}]}]`;
  expect(asCurl({ ...chat, inputMessages: deep })).toMatch(/^# what this call was given is nested too deeply/);
  expect(asJson({ ...chat, inputMessages: deep })).toContain("nested too deeply");
});

test("every span of a session can be copied", () => {
  const calls = sessionSpans().filter(isCall);
  expect(calls.length).toBeGreaterThan(20);
  for (const span of calls) expect(sent(asCurl(span))).toHaveProperty("model");
});
