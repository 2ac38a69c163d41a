/**
 * A call as something to run again: a cell that replays it, Python, curl, or the span as JSON.
 *
 * What a model said is pasted into a shell or an editor, so every character that is not plainly visible is escaped, and
 * quotes cannot end the literal they are in. Keys are never in a span; a snippet takes them from the environment.
 */

import type { SpanDetail } from "./columns.ts";
import { attributesOf } from "./detail.ts";
import { isObject, type Json, own, ownText, parse, pretty } from "./json.ts";

interface Call {
  readonly isAnthropic: boolean;
  readonly url: string;
  readonly body: Record<string, Json>;
}

/** Returns whether a span is a call that one can make again. */
export function isCall(span: SpanDetail): boolean {
  return attributesOf(span).get("gen_ai.operation.name") === "chat" && span.inputMessages !== null;
}

export function asPython(span: SpanDetail): string {
  return orWords("#", () => pythonOf(span));
}

/** Code for a cell that makes the call again, to be edited before: what was asked stands there as far as it is text. */
export function asReplay(span: SpanDetail): string {
  return orWords("#", () => replayOf(span));
}

export function asCurl(span: SpanDetail): string {
  return orWords("#", () => curlOf(span));
}

/** Arguments nested too deeply for a call stack can be neither worded nor pasted. */
function orWords(comment: string, make: () => string): string {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return `${comment} what this call was given is nested too deeply to be written out; copy the span as JSON\n`;
  }
}

function pythonOf(span: SpanDetail): string {
  const { isAnthropic, body } = callOf(span);
  const name = isAnthropic ? "Anthropic" : "OpenAI";
  const method = isAnthropic ? "messages" : "chat.completions";
  const given = Object.entries(body).map(([key, value]) => `    ${key}=${python(value, 1)},`);
  return [
    `from ${name.toLowerCase()} import ${name}`,
    "",
    `client = ${name}()  # takes the key from ${name.toUpperCase()}_API_KEY`,
    `response = client.${method}.create(`,
    ...given,
    ")",
    "print(response)",
    "",
  ].join("\n");
}

function replayOf(span: SpanDetail): string {
  const attributes = attributesOf(span);
  const given = ["gen_ai.request.model", "gen_ai.request.temperature"].flatMap((name) => {
    const value = attributes.get(name);
    return value === undefined ? [] : [`    ${PARAMETERS[name] ?? "model"}=${python(value, 1)},`];
  });
  const messages = textsOf(span.inputMessages);
  const asked = messages
    ? `    messages=${python(messages, 1)},`
    : "    messages=lambda messages: messages,  # as they were: they are more than text";
  return ["import nbtrace", "", "nbtrace.replay_span(", `    ${literal(span.spanId)},`, ...given, asked, ")", ""].join(
    "\n",
  );
}

/** Messages that are nothing but text, which every API takes alike; null if there is anything else. */
function textsOf(json: string | null): Json[] | null {
  const made: Json[] = [];
  for (const message of partsOf(parse(json) ?? [])) {
    const [role, parts] = [ownText(message, "role"), own(message, "parts")];
    const isText = Array.isArray(parts) && parts.every((part: Json) => ownText(part, "type") === "text");
    if (role === null || role === undefined || role === "tool" || !isText) return null;
    made.push({ role, content: textOf(parts) });
  }
  return made.length ? made : null;
}

function curlOf(span: SpanDetail): string {
  const { isAnthropic, url, body } = callOf(span);
  const key = isAnthropic
    ? ['-H "x-api-key: $ANTHROPIC_API_KEY"', "-H 'anthropic-version: 2023-06-01'"]
    : ['-H "Authorization: Bearer $OPENAI_API_KEY"'];
  const json = escaped(JSON.stringify(body)).replaceAll("'", "'\\''");
  return [`curl ${shell(url)}`, ...key, "-H 'Content-Type: application/json'", `-d '${json}'`]
    .join(" \\\n  ")
    .concat("\n");
}

/** The whole span as JSON: messages and attributes as values, not as text. */
export function asJson(span: SpanDetail): string {
  const texts = new Set(["spanId", "traceId", "name", "status", "statusMessage", "startTime"]);
  const whole: Record<string, Json> = {};
  for (const [key, value] of Object.entries(span) as [string, string | null][]) {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (value !== null) whole[name] = texts.has(key) ? value : (parse(value) ?? value);
  }
  return escaped(pretty(whole));
}

/** JSON with every character that one does not see written as an escape; also valid JSON. */
export function escaped(json: string): string {
  return json.replace(UNSEEN, (found) =>
    Array.from({ length: found.length }, (_, at) => `\\u${hex(found.charCodeAt(at), 4)}`).join(""),
  );
}

const UNSEEN =
  /(?!\n)\p{Cc}|[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff]|[\u{e0000}-\u{e0fff}]/gu;

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, "0");
}

const PARAMETERS: Record<string, string> = {
  "gen_ai.request.temperature": "temperature",
  "gen_ai.request.top_p": "top_p",
  "gen_ai.request.top_k": "top_k",
  "gen_ai.request.max_tokens": "max_tokens",
  "gen_ai.request.seed": "seed",
  "gen_ai.request.stop_sequences": "stop",
  "gen_ai.request.choice.count": "n",
  "gen_ai.request.frequency_penalty": "frequency_penalty",
  "gen_ai.request.presence_penalty": "presence_penalty",
  "openai.request.service_tier": "service_tier",
};

function callOf(span: SpanDetail): Call {
  const attributes = attributesOf(span);
  const isAnthropic = attributes.get("gen_ai.provider.name") === "anthropic";
  const system = partsOf(parse(span.systemInstructions) ?? span.systemInstructions ?? []);
  const messages = messagesOf(span.inputMessages, isAnthropic);
  const body: Record<string, Json> = { model: attributes.get("gen_ai.request.model") ?? "" };
  const instructions = textOf(system);
  if (isAnthropic && instructions) body.system = instructions;
  body.messages = isAnthropic || !instructions ? messages : [{ role: "system", content: instructions }, ...messages];
  for (const [name, key] of Object.entries(PARAMETERS)) {
    const value = attributes.get(name);
    if (value !== undefined) body[isAnthropic && key === "stop" ? "stop_sequences" : key] = value;
  }
  if (isAnthropic) body.max_tokens ??= 1024;
  const tools = parse(span.toolDefinitions);
  if (Array.isArray(tools) && tools.length) body.tools = tools.map((tool) => toolOf(tool as Json, isAnthropic));
  return {
    isAnthropic,
    url: urlOf(attributes.get("server.address"), attributes.get("server.port"), isAnthropic),
    body,
  };
}

function urlOf(host: Json | undefined, port: Json | undefined, isAnthropic: boolean): string {
  const path = isAnthropic ? "/v1/messages" : "/v1/chat/completions";
  if (typeof host !== "string" || !/^[\w.:[\]-]+$/.test(host)) {
    return `https://${isAnthropic ? "api.anthropic.com" : "api.openai.com"}${path}`;
  }
  const isLocal = /^(localhost|127\.|\[?::1)/.test(host);
  const isUsual = port === undefined || port === 443 || !Number.isInteger(port);
  return `${isLocal ? "http" : "https"}://${host}${isUsual ? "" : `:${String(port)}`}${path}`;
}

function partsOf(parts: Json): readonly Json[] {
  return Array.isArray(parts) ? parts : [parts];
}

function textOf(parts: readonly Json[]): string {
  const texts = parts.map((part) => {
    if (typeof part === "string") return part;
    const content = ownText(part, "content");
    const type = ownText(part, "type") ?? "part";
    return type === "text" ? (content ?? "") : `[${type} that the span does not hold]`;
  });
  return texts.join("\n\n");
}

function messagesOf(json: string | null, isAnthropic: boolean): Json[] {
  const messages = parse(json) ?? json ?? [];
  return partsOf(messages).flatMap((message): Json[] => {
    if (!isObject(message)) return [{ role: "user", content: typeof message === "string" ? message : pretty(message) }];
    const role = ownText(message, "role") ?? "user";
    const parts = partsOf(own(message, "parts") ?? own(message, "content") ?? []);
    const ofType = (type: string): readonly Json[] => parts.filter((part) => ownText(part, "type") === type);
    const [calls, answers] = [ofType("tool_call"), ofType("tool_call_response")];
    const said = textOf(parts.filter((part) => !calls.includes(part) && !answers.includes(part) && !isThought(part)));
    return isAnthropic ? anthropic(role, said, calls, answers) : openai(role, said, calls, answers);
  });
}

function isThought(part: Json): boolean {
  return ownText(part, "type") === "reasoning";
}

function openai(role: string, said: string, calls: readonly Json[], answers: readonly Json[]): Json[] {
  const made = calls.map((call) => ({
    id: ownText(call, "id") ?? "",
    type: "function",
    function: { name: ownText(call, "name") ?? "", arguments: asText(own(call, "arguments") ?? {}) },
  }));
  const message = { role, content: said, ...(made.length ? { tool_calls: made } : {}) };
  const results = answers.map((answer) => ({
    role: "tool",
    tool_call_id: ownText(answer, "id") ?? "",
    content: asText(own(answer, "response") ?? own(answer, "result") ?? ""),
  }));
  return said || made.length || !results.length ? [message, ...results] : results;
}

function anthropic(role: string, said: string, calls: readonly Json[], answers: readonly Json[]): Json[] {
  const content: Json[] = [
    ...(said ? [{ type: "text", text: said }] : []),
    ...calls.map((call) => ({
      type: "tool_use",
      id: ownText(call, "id") ?? "",
      name: ownText(call, "name") ?? "",
      input: own(call, "arguments") ?? {},
    })),
    ...answers.map((answer) => ({
      type: "tool_result",
      tool_use_id: ownText(answer, "id") ?? "",
      content: asText(own(answer, "response") ?? own(answer, "result") ?? ""),
    })),
  ];
  return [{ role: role === "assistant" ? role : "user", content }];
}

function toolOf(tool: Json, isAnthropic: boolean): Json {
  if (!isObject(tool) || own(tool, "function") !== undefined) return tool;
  const { name = "", description, parameters = {} } = tool;
  const known = { name, ...(description === undefined ? {} : { description }) };
  return isAnthropic
    ? { ...known, input_schema: parameters }
    : { type: "function", function: { ...known, parameters } };
}

function asText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function shell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Text as a Python literal: that of JSON, but a character beyond 16 bits has an escape of its own. */
function literal(text: string): string {
  return JSON.stringify(text).replace(UNSEEN, (found) => {
    const code = found.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
  });
}

/** A value as a Python literal. */
function python(value: Json, depth: number): string {
  const inner = "    ".repeat(depth + 1);
  const outer = "    ".repeat(depth);
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return literal(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((one: Json) => `${inner}${python(one, depth + 1)},\n`).join("")}${outer}]`;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return "{}";
  return `{\n${entries.map(([key, one]) => `${inner}${python(key, 0)}: ${python(one, depth + 1)},\n`).join("")}${outer}}`;
}
